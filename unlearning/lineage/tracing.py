"""Where data went, and where a version's data came from.

Nothing is kept for this but what is kept anyway: a row says since when it is shared, a dataset says as of when it was
frozen, and a request says which versions had learned from what it took back.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Max, Min

from models_engine.registry.models import ModelVersion
from unlearning.lineage.models import Dataset, Interaction, Subject


@dataclass(frozen=True)
class Reached:
    """A version that learned from some data."""

    recommender: str
    version: int
    frozen_at: datetime
    """As of when its data was read."""
    interactions: int
    """How many of the data's interactions it learned from."""
    serving: bool
    destroyed_at: datetime | None

    @property
    def carries(self) -> bool:
        """Whether the influence is still there: the version exists, and the data was not taken back."""
        return self.destroyed_at is None


@dataclass(frozen=True)
class Leaving:
    """A version that learned from data that was taken back, and that is not forgotten yet."""

    request: UUID
    recommender: str
    version: int
    serving: bool
    destroyed_at: datetime | None

    @property
    def carries(self) -> bool:
        """Whether the influence is still there."""
        return self.destroyed_at is None


@dataclass(frozen=True)
class Forward:
    """What came of a subject's data that is shared now, and of what is being forgotten."""

    subject: UUID
    shared: int
    """Interactions that are shared now."""
    first_shared_at: datetime | None
    last_shared_at: datetime | None
    reached: tuple[Reached, ...]
    leaving: tuple[Leaving, ...]

    @property
    def carries(self) -> bool:
        """Whether any version that exists carries any of it."""
        return any(one.carries for one in (*self.reached, *self.leaving))


@dataclass(frozen=True)
class Backward:
    """What a version was trained on."""

    recommender: str
    version: int
    method: str
    parent: int | None
    model: str
    code: str
    seed: int
    frozen_at: datetime
    data_root: str
    subjects: int
    pairs: int
    still_shared: int
    """Interactions of its data that are shared now."""
    first_shared_at: datetime | None
    last_shared_at: datetime | None
    notices: tuple[str, ...]
    """Versions of the privacy notice that the subjects' consents now in force refer to."""


def forward(subject: Subject, item: str | None = None) -> Forward:
    """The versions that a subject's shared interactions reached, and whether they still carry them.

    Args:
        item: of this item alone.
    """
    rows = Interaction.objects.filter(subject=subject)
    if item is not None:
        rows = rows.filter(item__external_id=item)
    moments = sorted(rows.values_list("shared_from", "held_out"))
    shared = [moment for moment, _ in moments]
    learnable = [moment for moment, held_out in moments if not held_out]
    reached = []
    if learnable:
        found = Dataset.objects.filter(as_of__gte=learnable[0]).select_related("version__recommender")
        for dataset in found.order_by("as_of", "version__number"):
            version = dataset.version
            reached.append(
                Reached(
                    recommender=version.recommender.name,
                    version=version.number,
                    frozen_at=dataset.as_of,
                    interactions=bisect_right(learnable, dataset.as_of),
                    serving=version.recommender.serving_id == version.pk,
                    destroyed_at=version.destroyed_at,
                )
            )
    return Forward(
        subject=subject.pk,
        shared=len(shared),
        first_shared_at=shared[0] if shared else None,
        last_shared_at=shared[-1] if shared else None,
        reached=tuple(reached),
        leaving=tuple(_leaving(subject)) if item is None else (),
    )


def _leaving(subject: Subject) -> Iterator[Leaving]:
    """By requests whose rows are gone and whose work is not done."""
    under_way = subject.requests.filter(request__rows_removed_at__isnull=False, request__completed_at=None)
    for member in under_way.select_related("request").order_by("request__received_at"):
        for version in member.request.reached.select_related("recommender").order_by("number"):
            yield Leaving(
                request=member.request_id,
                recommender=version.recommender.name,
                version=version.number,
                serving=version.recommender.serving_id == version.pk,
                destroyed_at=version.destroyed_at,
            )


def backward(version: ModelVersion) -> Backward:
    """What a version learned from: membership is every row shared by then, less what was withdrawn since."""
    dataset = version.dataset
    rows = Interaction.objects.filter(shared_from__lte=dataset.as_of)
    found = rows.aggregate(n=Count("pk"), first=Min("shared_from"), last=Max("shared_from"))
    notices = Subject.objects.filter(erased_at=None, consent__event__effective_at__lte=dataset.as_of)
    return Backward(
        recommender=version.recommender.name,
        version=version.number,
        method=version.method,
        parent=version.parent and version.parent.number,
        model=version.digest,
        code=version.code_digest,
        seed=version.seed,
        frozen_at=dataset.as_of,
        data_root=dataset.root,
        subjects=dataset.subjects,
        pairs=dataset.pairs,
        still_shared=found["n"],
        first_shared_at=found["first"],
        last_shared_at=found["last"],
        notices=tuple(sorted(set(notices.values_list("consent__event__notice_version", flat=True)))),
    )


def versions(recommender: str | None = None) -> Any:
    """Versions of which the data is on record, the latest first."""
    found = ModelVersion.objects.filter(dataset__isnull=False).select_related("recommender", "dataset", "parent")
    return (found.filter(recommender__name=recommender) if recommender else found).order_by("-pk")
