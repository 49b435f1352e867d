"""Links to a customer's page: signed, and good for a while."""

from dataclasses import dataclass

from django.conf import settings
from django.core import signing

from unlearning.lineage.models import Subject

_SALT = "fedshare.subject_page"


class BadLink(ValueError):
    """A link that has expired, or that was not made here."""


@dataclass(frozen=True)
class Visit:
    """Whose page it is, and which client gave the link."""

    subject: Subject
    client: str


def token_for(subject: Subject, client: str) -> str:
    """What a link carries: an id of this service, no identity."""
    return signing.dumps([str(subject.pk), client], salt=_SALT)


def visit(token: str) -> Visit:
    """Whose page a link opens.

    Raises:
        BadLink: it has expired, it is not ours, or the customer was erased.
    """
    try:
        subject_id, client = signing.loads(token, salt=_SALT, max_age=settings.FEDSHARE_LINK_HOURS * 3600)
    except signing.BadSignature:
        raise BadLink from None
    subject = Subject.objects.filter(pk=subject_id, erased_at=None).first()
    if subject is None:
        raise BadLink
    return Visit(subject, client)
