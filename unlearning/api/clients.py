"""OAuth2 clients, and the scopes that each may have."""

import base64
import re
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt
from oauth2_provider.generators import generate_client_secret
from oauth2_provider.models import Application
from oauth2_provider.scopes import BaseScopes
from oauth2_provider.views import TokenView

from unlearning.api.models import ClientScopes
from unlearning.api.sandbox import PREFIX
from unlearning.requests.errors import BadField

_OURS = ("hubspot", "drop", "replay", "demo", "dashboard", "import_interactions", "sandbox")
"""Names under which this service itself records things."""

MANAGING = ("requests:manage",)
"""Scopes of the controller's own back office, which no client has unless it is given them."""


class OwnScopes(BaseScopes):
    """Each client has the scopes that it was given."""

    def get_all_scopes(self) -> dict[str, str]:
        """See `BaseScopes.get_all_scopes`."""
        return settings.OAUTH2_PROVIDER["SCOPES"]

    def get_available_scopes(
        self, application: Any = None, request: Any = None, *args: Any, **kwargs: Any
    ) -> list[str]:
        """See `BaseScopes.get_available_scopes`."""
        given = application and ClientScopes.objects.filter(client=application.client_id).first()
        return given.scopes if given else usual_scopes()

    def get_default_scopes(self, application: Any = None, request: Any = None, *args: Any, **kwargs: Any) -> list[str]:
        """None: a client names the scopes that it needs."""
        return []


@method_decorator(csrf_exempt, name="dispatch")
class CleanTokenView(TokenView):
    """The token endpoint; what no database can hold is malformed."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """See `View.dispatch`."""
        sent = [value for values in request.POST.lists() for value in (values[0], *values[1])]
        sent.append(_basic(request.headers.get("Authorization", "")))
        if any("\0" in value for value in sent):
            return JsonResponse({"error": "invalid_request"}, status=400)
        return super().dispatch(request, *args, **kwargs)


def _basic(header: str) -> str:
    """What HTTP Basic authentication carries, or nothing."""
    try:
        return base64.b64decode(header.partition(" ")[2]).decode("utf-8", "replace")
    except ValueError:
        return ""


def usual_scopes() -> list[str]:
    """Of a client to which nobody gave any."""
    return [scope for scope in settings.OAUTH2_PROVIDER["SCOPES"] if scope not in MANAGING]


def check_name(name: str) -> None:
    """Refuse a name that no client can have.

    Raises:
        BadField: it has other characters, or means something to this service.
    """
    if not re.fullmatch(r"[^\W_][\w.-]{0,79}", name, re.ASCII):
        raise BadField(
            "name",
            "give up to 80 letters, digits, dots, hyphens and underscores; begin with a letter or digit",
        )
    if name in _OURS or name.startswith(PREFIX):
        raise BadField("name", f"{name} means something to this service: give another")
    if User.objects.filter(username__iexact=name).exists():
        raise BadField("name", f"{name} is an officer's name, and histories tell people and clients apart by it")


def give_credentials(name: str, *, sandbox: bool = False, scopes: Sequence[str] | None = None) -> tuple[str, str]:
    """Make a client, or give it a new secret. Returns its id and the secret, which is stored only as a hash.

    Args:
        sandbox: its requests are played, not done.
        scopes: that it may have; None leaves them as they are, or the usual ones.
    """
    client_id = f"{PREFIX}{name}" if sandbox else name
    secret = generate_client_secret()
    application, _ = Application.objects.get_or_create(
        name=client_id,
        defaults={
            "client_id": client_id,
            "client_type": Application.CLIENT_CONFIDENTIAL,
            "authorization_grant_type": Application.GRANT_CLIENT_CREDENTIALS,
        },
    )
    application.client_secret = secret
    application.save()
    if scopes is not None:
        ClientScopes.objects.update_or_create(client=client_id, defaults={"scopes": list(scopes)})
    return application.client_id, secret
