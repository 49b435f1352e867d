"""What an auditor sees of a model, and what they read off it for one request."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from audits.verification.errors import AuditError
from audits.verification.statistics.intervals import Floats
from models_engine.evaluation.margins import directions, fold_in_scores, matched_items, neighbour_scores, standardised
from models_engine.fedshare.data import Edges

Scores = Callable[[Tensor, Tensor], Tensor]
"""Scores [p, c] of subjects, int64 [p], with items, int64 [p, c]."""


@dataclass(frozen=True)
class Exposure:
    """A model as somebody sees who holds everything of it.

    Any recommender will do: give what it has of each, under names that the plan's statistics end with
    (`pairs_on_NAME` for scores, `fold_in_on_NAME` and `neighbours_on_NAME` for item tables). Subjects and
    items are counted as in the request under audit.
    """

    scores: Mapping[str, Scores] = field(default_factory=dict)
    items: Mapping[str, Tensor] = field(default_factory=dict)
    """Item tables, float32 [m, d]."""

    @cached_property
    def directions(self) -> Mapping[str, Tensor]:
        """The item tables' rows by their directions alone."""
        return {view: directions(table) for view, table in self.items.items()}


@dataclass(frozen=True)
class Scene:
    """What is looked for, and what it is held against."""

    pairs: Edges
    """The withdrawn pairs."""
    contrast: Tensor
    """int64 [pairs, count]: items of like popularity that the pair's subject never touched."""
    n_items: int

    @classmethod
    def of(cls, pairs: Edges, touched: Edges, popularity: Tensor, contrast_items: int) -> "Scene":
        """Match every withdrawn pair.

        Args:
            pairs: the withdrawn pairs that were learned from.
            touched: every pair of their subjects that is known to be true.
            popularity: int64 [m].
            contrast_items: how many items a pair is held against.

        Raises:
            AuditError: there is no pair, or a subject has touched nearly every item.
        """
        if len(pairs) == 0:
            raise AuditError("the forget set is empty: there is nothing to look for")
        try:
            contrast = matched_items(pairs, touched, popularity, contrast_items)
        except ValueError as error:
            raise AuditError(f"contrast_items: {error}; plan with fewer") from error
        return cls(pairs, contrast, len(popularity))

    @classmethod
    def joined(cls, scenes: "Sequence[Scene]") -> "Scene":
        """Several requests as one. Their subjects must be different ones."""
        return cls(
            Edges(
                torch.cat([scene.pairs.subjects for scene in scenes]),
                torch.cat([scene.pairs.items for scene in scenes]),
            ),
            torch.cat([scene.contrast for scene in scenes]),
            scenes[0].n_items,
        )

    def watched(self) -> Tensor:
        """Bool [m]: items of the withdrawn pairs."""
        watched = torch.zeros(self.n_items, dtype=torch.bool)
        watched[self.pairs.items] = True
        return watched


@dataclass(frozen=True)
class Reading:
    """What one model shows for one request; all that an audit ever uses of it."""

    margins: Mapping[str, Floats]
    """By statistic: how far each withdrawn pair stands out, [pairs]."""
    population: Mapping[str, Floats]
    """The same for a pair of each subject that nobody had, [pairs]."""
    items: Mapping[str, Tensor]
    """The item tables."""
    directions: Mapping[str, Tensor]
    """Their rows' directions."""


def joined(readings: Sequence[Reading]) -> Reading:
    """Readings for several requests as one; without item tables, since each may be of another model."""
    return Reading(
        {name: np.concatenate([r.margins[name] for r in readings]) for name in readings[0].margins},
        {name: np.concatenate([r.population[name] for r in readings]) for name in readings[0].population},
        {},
        {},
    )


def read(exposure: Exposure, scenes: Sequence[Scene], statistics: Sequence[str]) -> list[Reading]:
    """Score the withdrawn pairs of some requests in every way that is asked for. Returns one reading for each.

    Raises:
        AuditError: a statistic is unknown or needs what the model does not show, or a score isn't finite.
    """
    if any(not torch.isfinite(table).all() for table in exposure.items.values()):
        raise AuditError("an item table holds NaN or infinite values")
    together = _Together.of(scenes)
    sizes = [len(scene.pairs) for scene in scenes]
    middle = together.contrast.shape[1] // 2  # the one nearest in popularity
    rest = torch.arange(together.contrast.shape[1]) != middle
    margins, population = {}, {}
    for name in statistics:
        own, against = _scores(name, exposure, together)
        margins[name] = _checked(name, standardised(own, against)).split(sizes)
        population[name] = _checked(name, standardised(against[:, middle], against[:, rest])).split(sizes)
    return [
        Reading(
            {name: parts[place].numpy() for name, parts in margins.items()},
            {name: parts[place].numpy() for name, parts in population.items()},
            exposure.items,
            exposure.directions,
        )
        for place in range(len(scenes))
    ]


@dataclass(frozen=True)
class _Together:
    """The pairs of several requests, scored at once."""

    subjects: Tensor
    grouped: Edges  # by subject of a request: the pairs of one request are no context to those of another
    contrast: Tensor

    @classmethod
    def of(cls, scenes: Sequence[Scene]) -> "_Together":
        subjects = torch.cat([scene.pairs.subjects for scene in scenes])
        items = torch.cat([scene.pairs.items for scene in scenes])
        request = torch.cat([torch.full((len(scene.pairs),), place) for place, scene in enumerate(scenes)])
        groups = request * (int(subjects.max()) + 1) + subjects
        return cls(subjects, Edges(groups, items), torch.cat([scene.contrast for scene in scenes]))


_ByItems = Callable[[Tensor, Edges, Tensor], tuple[Tensor, Tensor]]
"""Scores of pairs and of their contrast, from directions of items."""


def _scores(name: str, exposure: Exposure, of: _Together) -> tuple[Tensor, Tensor]:
    kind, _, view = name.partition("_on_")
    by_items: dict[str, _ByItems] = {"fold_in": fold_in_scores, "neighbours": neighbour_scores}
    if kind in by_items and view in exposure.items:
        return by_items[kind](exposure.directions[view], of.grouped, of.contrast)
    if kind == "pairs" and view in exposure.scores:
        score = exposure.scores[view]
        return score(of.subjects, of.grouped.items[:, None])[:, 0], score(of.subjects, of.contrast)
    shown = [f"pairs_on_{v}" for v in exposure.scores] + [f"{k}_on_{v}" for v in exposure.items for k in by_items]
    raise AuditError(f"the model shows nothing for {name}; it allows {', '.join(shown) or 'no statistic'}")


def _checked(name: str, margins: Tensor) -> Tensor:
    if not torch.isfinite(margins).all():
        raise AuditError(f"{name} gives NaN or infinite scores")
    return margins.double()
