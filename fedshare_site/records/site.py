"""The site of Django's admin: it reads, and never writes.

What is done about a request, a client or a policy is done on the pages that say what it does.
"""

from typing import Any

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from unlearning.dashboard.access import verified
from unlearning.officers.models import allowed, role_of
from unlearning.officers.roles import May

SECRET = {
    "wrapped_key", "earlier_wrapped_key", "identity_digest", "learning_key", "canonical", "salt", "hash",
}  # fmt: skip
"""Fields that are no use to a reader, or that nobody reads."""

COLUMNS = {
    "Request": ["external_id", "source", "kind", "state", "received_at", "due_at", "completed_at"],
    "Job": ["created_at", "recommender", "state", "attempt", "phase", "started_at", "finished_at"],
}
"""Of tables whose first columns say little."""
_MOST_COLUMNS = 7


class RecordsSite(admin.AdminSite):
    """Behind the dashboard's own sign-in, with its second factor."""

    site_header = site_title = "FedShare"
    index_title = _("Tables")
    site_url = "/"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        """Whoever may see the tables."""
        user = request.user
        return user.is_authenticated and verified(request) and May.SEE_RECORDS in allowed(role_of(user))

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Signing in is the dashboard's."""
        if request.user.is_authenticated:
            return redirect("dashboard:home")
        return redirect_to_login(request.GET.get("next") or reverse("admin:index"))


class ReadOnly(admin.ModelAdmin):
    """A table that can be looked at."""

    list_per_page = 50
    show_full_result_count = False

    def get_list_display(self, request: HttpRequest) -> list[str]:
        """The first columns that say something."""
        return (
            COLUMNS.get(self.model.__name__)
            or [
                field.name
                for field in self.model._meta.fields
                if field.name not in SECRET and not isinstance(field, models.JSONField | models.TextField)
            ][:_MOST_COLUMNS]
        )

    def get_list_select_related(self, request: HttpRequest) -> bool:
        """Rows name what they belong to, in one query."""
        return True

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """See `SECRET`."""
        return [field.name for field in self.model._meta.fields if field.name in SECRET]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """No filters by the address: they would read hidden fields by asking."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The site asked already."""
        return True

    def has_module_permission(self, request: HttpRequest) -> bool:
        """The site asked already."""
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False
