"""Subjects and items: finding, creating, erasing."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from audits.evidence import sealing
from unlearning.lineage.models import Identifier, Item, Subject, Suppression

RAW = "raw"
HASHED = {"sha256": hashlib.sha256, "sha1": hashlib.sha1, "md5": hashlib.md5}
"""Forms in which others name a person; they hash the value trimmed and in lower case."""


_HASHED_BY_OTHERS = {
    "email": lambda value: value.strip().lower(),
    "phone": lambda value: "".join(character for character in value if character.isdigit()),
}
"""Kinds that others hash, and how they spell them before: an address trimmed in lower case, a number's digits."""


@dataclass(frozen=True)
class Named:
    """Somebody by a further identifier, in place of the identity under which they were registered."""

    kind: str
    value: str
    form: str = RAW

    def digest(self) -> bytes:
        """Its keyed digest."""
        return sealing.identifier_digest(self.kind, self.form, self.value)


Identity = str | Named
"""What somebody is looked up by: the registered identity, or a further identifier."""


class Taken(ValueError):
    """An identifier is another subject's. Names its place, never itself."""

    def __init__(self, place: int):
        super().__init__(f"taken at place {place}")
        self.place = place


class Suppressed(ValueError):
    """The identity was erased, and must not come back by itself."""


class Leaving(Suppressed):
    """The identity is being erased, and can come back when that has ended."""


def learning_key(digest: bytes) -> int:
    """First 8 bytes as a signed integer: what learning knows a subject or an item by."""
    return int.from_bytes(digest[:8], "big", signed=True)


def item_learning_key(external_id: str) -> int:
    """Learning key of an item. Items are no personal data, so the hash needs no secret."""
    return learning_key(hashlib.sha256(external_id.encode()).digest())


def find_subjects(identities: Iterable[Identity]) -> list[Subject | None]:
    """The subject of each identity, None where it is unknown or erased; in the given order."""
    wanted = list(identities)
    digests = [
        identity.digest() if isinstance(identity, Named) else sealing.identity_digest(identity) for identity in wanted
    ]
    registered = [digest for digest, one in zip(digests, wanted, strict=True) if isinstance(one, str)]
    further = [digest for digest, one in zip(digests, wanted, strict=True) if isinstance(one, Named)]
    found: dict[bytes, Subject] = {}
    if registered:
        found |= _by_digest(registered)
    if further:
        identifiers = Identifier.objects.select_related("subject").filter(digest__among=further)
        found |= {bytes(one.digest): one.subject for one in identifiers}
    return [found.get(digest) for digest in digests]


@transaction.atomic
def ensure_subjects(identities: Iterable[str]) -> dict[str, Subject]:
    """Subjects for identities, created where they are new; suppressed identities are left out."""
    digests = {identity: sealing.identity_digest(identity) for identity in dict.fromkeys(identities)}
    suppressed = suppressed_among(digests.values())
    wanted = {identity: digest for identity, digest in digests.items() if digest not in suppressed}
    found = _by_digest(wanted.values())
    new = sorted(set(wanted.values()) - found.keys())  # in one order, so that none waits for another
    if new:
        Subject.objects.bulk_create(
            [
                Subject(
                    identity_digest=digest,
                    learning_key=learning_key(digest),
                    wrapped_key=sealing.wrap(sealing.new_key()),
                )
                for digest in new
            ],
            ignore_conflicts=True,
            batch_size=2000,
        )
        found |= _by_digest(new)
    return {identity: found[digest] for identity, digest in wanted.items()}


def _by_digest(digests: Iterable[bytes]) -> dict[bytes, Subject]:
    found = Subject.objects.filter(identity_digest__among=digests)
    return {bytes(subject.identity_digest): subject for subject in found}


@transaction.atomic
def register_subject(identity: str, further: Sequence[Named] = (), *, returning: bool = False) -> tuple[Subject, bool]:
    """Make a subject known, or add identifiers to it.

    Args:
        further: identifiers beside the identity; of an e-mail address the usual hashes are added.
        returning: lift the suppression of somebody who was erased and has come back.

    Returns:
        The subject, and whether it is new.

    Raises:
        Suppressed: the identity was erased, and nobody says that it returns; nothing is done.
        Leaving: it is being erased; nothing is done.
        Taken: an identifier is another subject's; nothing is done.
    """
    (before,) = find_subjects([identity])
    if returning and before is None:  # who is still being erased has not come back yet
        unsuppress(identity)
    subject = ensure_subjects([identity]).get(identity)
    if subject is None:
        raise Suppressed if before is None else Leaving
    for place, named in enumerate(further):
        for one in _forms(named):
            _identify(subject, one, place)
    return subject, before is None


def _identify(subject: Subject, named: Named, place: int) -> None:
    digest = named.digest()
    try:
        with transaction.atomic():
            identifier, _ = Identifier.objects.get_or_create(
                digest=digest, defaults={"subject": subject, "kind": named.kind, "form": named.form}
            )
    except IntegrityError:
        raise Taken(place) from None
    if identifier.subject_id != subject.pk:
        raise Taken(place)


def _forms(named: Named) -> list[Named]:
    """The identifier, and what others hash it to."""
    if named.kind not in _HASHED_BY_OTHERS or named.form != RAW:
        return [named]
    value = _HASHED_BY_OTHERS[named.kind](named.value).encode()
    return [named, *(Named(named.kind, make(value).hexdigest(), form) for form, make in HASHED.items())]


def suppressed_among(digests: Iterable[bytes]) -> set[bytes]:
    """Of identity digests, those that were erased and must not come back."""
    by_suppression = {sealing.suppression_digest(digest): digest for digest in digests}
    hits = Suppression.objects.filter(digest__among=by_suppression).values_list("digest", flat=True)
    return {by_suppression[bytes(digest)] for digest in hits}


@transaction.atomic
def ensure_items(external_ids: Iterable[str], categories: Mapping[str, str] | None = None) -> dict[str, Item]:
    """Items for external ids, created where they are new.

    Args:
        categories: of those that are new, by external id.
    """
    wanted = list(dict.fromkeys(external_ids))
    named = categories or {}
    found = {item.external_id: item for item in Item.objects.filter(external_id__among=wanted)}
    new = [
        Item(external_id=e, learning_key=item_learning_key(e), category=named.get(e, ""))
        for e in sorted(wanted)  # in one order, so that none waits for another
        if e not in found
    ]
    if new:
        Item.objects.bulk_create(new, ignore_conflicts=True, batch_size=2000)
        made = Item.objects.filter(external_id__among=[item.external_id for item in new])
        found |= {item.external_id: item for item in made}
    return found


def recategorise(items: Mapping[str, Item], categories: Mapping[str, str]) -> frozenset[int]:
    """Give items, by external id, the categories that were named last. Returns the rows of those that moved."""
    moved = [item for item in items.values() if categories.get(item.external_id, item.category) != item.category]
    moved.sort(key=lambda item: item.pk)  # in one order, so that none waits for another
    for item in moved:
        item.category = categories[item.external_id]
    Item.objects.bulk_update(moved, ["category"], batch_size=2000)
    return frozenset(item.pk for item in moved)


def subject_key(subject: Subject) -> bytes:
    """The subject's own key, unwrapped."""
    return sealing.unwrap(bytes(subject.wrapped_key))


def suppress(digests: Iterable[bytes]) -> None:
    """Keep identities, by their digests, from coming back with a file or a backup."""
    Suppression.objects.bulk_create(
        [Suppression(digest=sealing.suppression_digest(digest)) for digest in digests], ignore_conflicts=True
    )


def unsuppress(identity: str) -> None:
    """Let somebody come back who was erased."""
    digest = sealing.suppression_digest(sealing.identity_digest(identity))
    Suppression.objects.filter(digest=digest).delete()


def delete_samples(subjects: Iterable[UUID]) -> None:
    """Delete what jobs keep to show of what subjects were recommended."""
    samples = Subject.samples.rel.related_model  # jobs stand above, and aren't known here
    samples.objects.filter(subject__among=list(subjects)).delete()


def shred(subject: Subject) -> None:
    """Destroy the subject's key and every field that could point at anyone (crypto-shredding)."""
    subject.interactions.all().delete()
    subject.identifiers.all().delete()
    subject.exclusions.all().delete()
    subject.samples.all().delete()
    subject.identity_digest = subject.learning_key = subject.wrapped_key = None
    subject.erased_at = timezone.now()
    subject.save(update_fields=["identity_digest", "learning_key", "wrapped_key", "erased_at"])
