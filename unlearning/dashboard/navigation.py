"""The sections of the dashboard that a visitor may see, for every page."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from unlearning.officers.roles import May


@dataclass(frozen=True)
class Section:
    """An entry of the navigation."""

    label: Promise
    view: str
    may: May | None = None
    prefixes: tuple[str, ...] = ()
    """Of the addresses that belong to it."""


SECTIONS = (
    Section(_("Today"), "dashboard:home"),
    Section(_("Requests"), "dashboard:requests", prefixes=("/requests/",)),
    Section(_("Subjects"), "dashboard:subjects", May.SEE_SUBJECTS, ("/subjects/",)),
    Section(_("Models"), "dashboard:models", prefixes=("/models/",)),
    Section(_("Evidence"), "dashboard:evidence", prefixes=("/evidence/",)),
    Section(_("Settings"), "dashboard:settings", May.SEE_SETTINGS, ("/settings/",)),
)


def navigation(http: HttpRequest) -> dict[str, Any]:
    """Context of every template: what the visitor may do, and the sections that are theirs."""
    may = getattr(http, "may", None)
    if may is None:
        return {}
    return {
        "may": {one.name: True for one in may},
        "role": http.role,
        "time_zone": settings.FEDSHARE_TIME_ZONE,
        "sections": [
            {
                "label": section.label,
                "address": reverse(section.view),
                "here": http.path == "/" if not section.prefixes else http.path.startswith(section.prefixes),
            }
            for section in SECTIONS
            if section.may is None or section.may in may
        ],
    }
