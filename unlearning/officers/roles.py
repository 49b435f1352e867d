"""The roles of the dashboard, and what each may do."""

from enum import StrEnum

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    OFFICER = "officer", _("privacy officer")
    AUDITOR = "auditor", _("auditor")
    ENGINEER = "engineer", _("engineer")
    ADMINISTRATOR = "administrator", _("administrator")


class May(StrEnum):
    """What a page or a button asks for, beyond being signed in."""

    ACT = "act on requests"
    RUN = "stop jobs and let them go on"
    SEE_SUBJECTS = "see subjects"
    EXPORT = "hand out what is held of a subject"
    ISSUE = "issue registers"
    SEE_SETTINGS = "see settings"
    CONFIGURE = "change settings"
    SEE_ACCESS = "see who looked at whom"
    SEE_RECORDS = "see the tables"


_SEEN_BY_ALL = frozenset({May.SEE_SETTINGS})

ALLOWED: dict[Role, frozenset[May]] = {
    Role.OFFICER: _SEEN_BY_ALL | {May.ACT, May.RUN, May.SEE_SUBJECTS, May.EXPORT, May.ISSUE},
    Role.AUDITOR: _SEEN_BY_ALL | {May.SEE_SUBJECTS, May.ISSUE, May.SEE_ACCESS, May.SEE_RECORDS},
    Role.ENGINEER: _SEEN_BY_ALL | {May.RUN},
    Role.ADMINISTRATOR: frozenset(May),
}
"""Requests, models and evidence hold no identity; everybody with a role sees them. An auditor changes nothing but
adds registers; an engineer sees no subject."""
