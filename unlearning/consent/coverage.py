"""What a subject's consent covers: the slider, the categories, and what was taken back beside them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from unlearning.consent import slider
from unlearning.consent.models import ConsentState, Exclusion


@dataclass(frozen=True)
class Coverage:
    """The consent of one subject, as it is asked at the door. By itself it covers nothing."""

    share_percent: int = 0
    categories: frozenset[str] | None = None
    """Of items; None: every one."""
    items: frozenset[int] = frozenset()
    """Items that were taken back."""
    spans: tuple[tuple[datetime, datetime], ...] = field(default=())
    """Spans of time that were taken back, the end not included."""

    def covers(self, rank: float, category: str, item: int, occurred_at: datetime) -> bool:
        """Whether an interaction may be stored.

        Args:
            rank: its place on the slider.
            category: of its item; empty where the item has none, which only consent to every category covers.
            item: row of its item.
        """
        return (
            slider.shared(rank, self.share_percent)
            and (self.categories is None or category in self.categories)
            and item not in self.items
            and not any(since <= occurred_at < until for since, until in self.spans)
        )


def coverage_of(subject: UUID) -> Coverage:
    """The coverage of one subject; nothing, where no consent is on record."""
    return coverages([subject]).get(subject, Coverage())


def coverages(subjects: Iterable[UUID]) -> dict[UUID, Coverage]:
    """The coverage of each subject that has a consent on record."""
    wanted = list(subjects)
    items: dict[UUID, set[int]] = defaultdict(set)
    spans: dict[UUID, list[tuple[datetime, datetime]]] = defaultdict(list)
    for one in Exclusion.objects.filter(subject__among=wanted):
        if one.item_id is not None:
            items[one.subject_id].add(one.item_id)
        else:
            spans[one.subject_id].append((one.since, one.until))
    states = ConsentState.objects.filter(subject__among=wanted).values_list("subject_id", "share_percent", "categories")
    return {
        subject: Coverage(
            share_percent,
            None if categories is None else frozenset(categories),
            frozenset(items[subject]) if subject in items else frozenset(),
            tuple(spans[subject]) if subject in spans else (),
        )
        for subject, share_percent, categories in states
    }
