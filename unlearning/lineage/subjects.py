"""Subjects and items: finding, creating, erasing."""

import hashlib
from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from audits.evidence import sealing
from unlearning.lineage.models import Item, Subject, Suppression


def learning_key(digest: bytes) -> int:
    """First 8 bytes as a signed integer: what learning knows a subject or an item by."""
    return int.from_bytes(digest[:8], "big", signed=True)


def item_learning_key(external_id: str) -> int:
    """Learning key of an item. Items are no personal data, so the hash needs no secret."""
    return learning_key(hashlib.sha256(external_id.encode()).digest())


def find_subjects(identities: Iterable[str]) -> list[Subject | None]:
    """The subject of each identity, None where it is unknown or erased; in the given order."""
    digests = [sealing.identity_digest(identity) for identity in identities]
    found = {bytes(s.identity_digest): s for s in Subject.objects.filter(identity_digest__in=digests)}
    return [found.get(digest) for digest in digests]


@transaction.atomic
def ensure_subjects(identities: Iterable[str]) -> dict[str, Subject]:
    """Subjects for identities, created where they are new; suppressed identities are left out."""
    wanted = list(dict.fromkeys(identities))
    suppressed = suppressed_among(wanted)
    digests = {identity: sealing.identity_digest(identity) for identity in wanted if identity not in suppressed}
    Subject.objects.bulk_create(
        [
            Subject(
                identity_digest=digest,
                learning_key=learning_key(digest),
                wrapped_key=sealing.wrap(sealing.new_key()),
            )
            for digest in digests.values()
        ],
        ignore_conflicts=True,
        batch_size=2000,
    )
    found = {bytes(s.identity_digest): s for s in Subject.objects.filter(identity_digest__in=digests.values())}
    return {identity: found[digest] for identity, digest in digests.items()}


def suppressed_among(identities: Iterable[str]) -> set[str]:
    """The identities that were erased and must not come back."""
    digests = {sealing.suppression_digest(identity): identity for identity in identities}
    hits = Suppression.objects.filter(digest__in=digests).values_list("digest", flat=True)
    return {digests[bytes(digest)] for digest in hits}


@transaction.atomic
def ensure_items(external_ids: Iterable[str]) -> dict[str, Item]:
    """Items for external ids, created where they are new."""
    wanted = list(dict.fromkeys(external_ids))
    Item.objects.bulk_create(
        [Item(external_id=e, learning_key=item_learning_key(e)) for e in wanted],
        ignore_conflicts=True,
        batch_size=2000,
    )
    return {item.external_id: item for item in Item.objects.filter(external_id__in=wanted)}


def subject_key(subject: Subject) -> bytes:
    """The subject's own key, unwrapped."""
    return sealing.unwrap(bytes(subject.wrapped_key))


def suppress(identity: str) -> None:
    """Keep an identity from coming back with a file or a backup."""
    Suppression.objects.get_or_create(digest=sealing.suppression_digest(identity))


def shred(subject: Subject) -> None:
    """Destroy the subject's key and every field that could point at anyone (crypto-shredding)."""
    subject.identity_digest = subject.learning_key = subject.wrapped_key = None
    subject.erased_at = timezone.now()
    subject.save(update_fields=["identity_digest", "learning_key", "wrapped_key", "erased_at"])
