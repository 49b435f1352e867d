"""Consent records after ISO/IEC TS 27560:2023, as JSON-LD with the W3C Data Privacy Vocabulary.

The profile is that of the community group's guide (https://w3id.org/dpv/guides/consent-27560). A record holds every
event of a subject's history that counts; those that were corrected stay here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from unlearning.consent.models import ConsentEvent
from unlearning.consent.services import DEFAULT_NOTICE, PURPOSE
from unlearning.lineage.models import Subject

_CONTEXT = {
    "dct": "http://purl.org/dc/terms/",
    "dpv": "https://w3id.org/dpv#",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "fedshare": "https://github.com/fedshare/fedshare/blob/main/docs/integrators.md#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_PROFILE = "https://w3id.org/dpv/schema/dpv-27560#record-eu-gdpr"
_EARLIEST, _LEEWAY = datetime(1980, 1, 1, tzinfo=UTC), timedelta(minutes=5)
_GIVEN, _WITHDRAWN = "dpv:ConsentGiven", "dpv:ConsentWithdrawn"
_PURPOSES = {PURPOSE: "dpv:ProvidePersonalisedRecommendations"}
_PURPOSE_OF = {term: purpose for purpose, term in _PURPOSES.items()}


class BadRecord(ValueError):
    """A record that can't be imported; the message names the place and the remedy."""


@dataclass(frozen=True)
class RecordedDecision:
    """One event of a record."""

    identifier: str
    share_percent: int
    effective_at: datetime
    notice_version: str
    channel: str
    categories: Sequence[str] | None
    purposes: Sequence[str]


def export(subject: Subject, controller: str) -> dict[str, Any]:
    """The subject's consent record. They are named by their id here, never by an identity."""
    events = list(subject.consent_events.filter(corrected_by=None).order_by("effective_at", "id"))
    return {
        "@context": _CONTEXT,
        "@id": f"urn:uuid:{subject.pk}",
        "@type": "dpv:ConsentRecord",
        "dct:identifier": str(subject.pk),
        "dct:conformsTo": _PROFILE,
        "dpv:hasDataSubject": {"@id": f"urn:uuid:{subject.pk}", "@type": "dpv:Customer"},
        "dpv:hasDataController": {"@type": "dpv:DataController", "dpv:hasName": controller},
        "dpv:hasApplicableLaw": "eu-gdpr:GDPR",
        "dpv:hasLegalBasis": "eu-gdpr:A6-1-a",
        "dpv:hasProcess": {
            "@type": "dpv:Process",
            "dpv:hasPurpose": sorted({_term(purpose) for event in events for purpose in event.purposes}),
            "dpv:hasPersonalData": {"@type": "dpv:PersonalData", "dct:title": "Interactions with items"},
            "dpv:hasProcessing": ["dpv:Collect", "dpv:Store", "dpv:Learn"],
        },
        "dpv:hasConsentStatus": [_event(event) for event in events],
    }


def read(record: Any) -> list[RecordedDecision]:
    """The events of a record, in their order.

    Raises:
        BadRecord: it is no such record; the message names the place.
    """
    if not isinstance(record, dict) or record.get("@type") != "dpv:ConsentRecord":
        raise BadRecord("@type: give a dpv:ConsentRecord")
    statuses = record.get("dpv:hasConsentStatus")
    if not isinstance(statuses, list) or not statuses:
        raise BadRecord("dpv:hasConsentStatus: give a list of at least one event")
    return [_read(status, f"dpv:hasConsentStatus[{place}]") for place, status in enumerate(statuses)]


def _event(event: ConsentEvent) -> dict[str, Any]:
    status = {
        "@type": _GIVEN if event.share_percent else _WITHDRAWN,
        "dct:identifier": str(event.pk),
        "dct:date": {"@type": "xsd:dateTime", "@value": event.effective_at.isoformat()},
        "dct:created": {"@type": "xsd:dateTime", "@value": event.recorded_at.isoformat()},
        "dpv:hasNotice": {"@type": "dpv:ConsentNotice", "dct:hasVersion": event.notice_version},
        "dpv:isIndicatedBy": "dpv:DataSubject",
        "dpv:hasPurpose": [_term(purpose) for purpose in event.purposes],
        "fedshare:sharePercent": event.share_percent,
        "fedshare:channel": event.channel,
    }
    return status if event.categories is None else status | {"fedshare:categories": event.categories}


def _read(status: Any, place: str) -> RecordedDecision:
    if not isinstance(status, dict) or status.get("@type") not in (_GIVEN, _WITHDRAWN):
        raise BadRecord(f"{place}.@type: give {_GIVEN} or {_WITHDRAWN}")
    withdrawn = status["@type"] == _WITHDRAWN
    percent = status.get("fedshare:sharePercent", 0 if withdrawn else 100)
    if not isinstance(percent, int) or isinstance(percent, bool) or not 0 <= percent <= 100:
        raise BadRecord(f"{place}.fedshare:sharePercent: give a whole number from 0 to 100")
    if withdrawn and percent:
        raise BadRecord(f"{place}.fedshare:sharePercent: what was withdrawn shares 0")
    identifier = _text(status, "dct:identifier", place)
    if "@" in identifier:
        raise BadRecord(f"{place}.dct:identifier: this looks like an address, and is kept: give a number")
    notice = status.get("dpv:hasNotice", {})
    return RecordedDecision(
        identifier=identifier,
        share_percent=percent,
        effective_at=_moment(status, place),
        notice_version=_text(notice, "dct:hasVersion", f"{place}.dpv:hasNotice", DEFAULT_NOTICE, most=40),
        channel=_text(status, "fedshare:channel", place, "import", most=40),
        categories=_categories(status, place),
        purposes=_purposes(status, place),
    )


def _text(found: Any, name: str, place: str, default: str | None = None, most: int = 60) -> str:
    value = found.get(name, default) if isinstance(found, dict) else None
    if not isinstance(value, str) or not value.strip() or len(value) > most or not _can_be_kept(value):
        raise BadRecord(f"{place}.{name}: give a text of 1 to {most} characters")
    return value


def _moment(status: dict[str, Any], place: str) -> datetime:
    value = status.get("dct:date")
    text = value.get("@value") if isinstance(value, dict) else value
    try:
        moment = parse_datetime(text) if isinstance(text, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadRecord(f"{place}.dct:date: give a moment in ISO 8601 with its offset")
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        moment = datetime.min.replace(tzinfo=UTC)
    # One from the future would stand above every withdrawal until then.
    if not _EARLIEST <= moment <= timezone.now() + _LEEWAY:
        raise BadRecord(f"{place}.dct:date: give a moment since 1980 that has come")
    return moment


def _categories(status: dict[str, Any], place: str) -> list[str] | None:
    found = status.get("fedshare:categories")
    if found is None:
        return None
    if not isinstance(found, list) or any(
        not isinstance(one, str) or len(one) > 100 or not _can_be_kept(one) for one in found
    ):
        raise BadRecord(f"{place}.fedshare:categories: give a list of texts of up to 100 characters")
    return found


def _purposes(status: dict[str, Any], place: str) -> list[str]:
    found = status.get("dpv:hasPurpose", [_PURPOSES[PURPOSE]])
    terms = found if isinstance(found, list) else [found]
    if any(not isinstance(term, str) or len(term) > 60 or not _can_be_kept(term) for term in terms):
        raise BadRecord(f"{place}.dpv:hasPurpose: give terms of up to 60 characters")
    return [_PURPOSE_OF.get(term, term) for term in terms]


def _can_be_kept(text: str) -> bool:
    """Whether the database can hold it."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _term(purpose: str) -> str:
    return _PURPOSES.get(purpose, purpose)
