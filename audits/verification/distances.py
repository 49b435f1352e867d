"""The distances of item tables, for one request."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from audits.verification.exposure import Reading, Scene
from audits.verification.representation.neighbourhood import (
    cosines,
    jaccard_distances,
    nearest,
    rms_differences,
)
from audits.verification.representation.procrustes import FEWEST_ANCHORS, align, residuals
from audits.verification.results import DistanceResult
from audits.verification.statistics.detection import detect_or_even
from audits.verification.statistics.intervals import Floats

_TABLE = "item_rows"
_LANDMARKS, _LOOKED_AT, _NEAREST = 256, 32, 20
_FEWEST_REFERENCES = 4


class Distances:
    """Distances of models to the references, and of the references to each other.

    The first reference gives the frame that all tables are turned into, so it takes no part itself.
    """

    def __init__(self, scene: Scene, known: Sequence[Reading], without: Sequence[Reading], seed: int):
        self._watched = scene.watched()
        generator = np.random.default_rng(seed)
        self._looked_at = _some(self._watched, _LOOKED_AT, generator)
        self._landmarks = _some(~self._watched, _LANDMARKS, generator)
        self._frame = without[0].items[_TABLE]
        self._references = self._signature(without[1:])
        self._null = {name: _to_others(distance(own, own)) for name, distance, own in _each_kind(self._references)}
        self._known_distances = self._of(known)

    @classmethod
    def of(cls, scene: Scene, known: Sequence[Reading], without: Sequence[Reading], seed: int) -> "Distances | None":
        """None where models show no item table, or too few items are untouched for a frame."""
        if any(_TABLE not in reading.items for reading in (*known, *without)) or len(without) < _FEWEST_REFERENCES:
            return None
        untouched, width = int((~scene.watched()).sum()), without[0].items[_TABLE].shape[1]
        return cls(scene, known, without, seed) if untouched >= FEWEST_ANCHORS * width else None

    def of_candidates(self, candidates: Sequence[Reading]) -> list[DistanceResult]:
        """One result for each kind of distance."""
        results = []
        for name, after in self._of(candidates).items():
            null, known = self._null[name], self._known_distances[name]
            results.append(
                DistanceResult(
                    name=name,
                    known=float(known.mean()),
                    after=float(after.mean()),
                    reference_mean=float(null.mean()),
                    reference_sd=float(null.std(ddof=1)),
                    percentile=100 * float((null <= after.mean()).mean()),
                    detection=detect_or_even(after, null),
                )
            )
        return results

    def _of(self, readings: Sequence[Reading]) -> dict[str, Floats]:
        """Mean distance of each model to the references, by kind."""
        signature = self._signature(readings)
        return {
            name: distance(signature[name], references).double().mean(1).numpy()
            for name, distance, references in _each_kind(self._references)
        }

    def _signature(self, readings: Sequence[Reading]) -> dict[str, Tensor]:
        """What each kind of distance is taken between."""
        rows = torch.stack([reading.directions[_TABLE] for reading in readings])
        tables = torch.stack([reading.items[_TABLE] for reading in readings])
        return {
            "procrustes_residual": align(tables, self._frame, self._watched),
            "cosine_structure": cosines(rows, self._looked_at, self._landmarks),
            "neighbours_changed": nearest(rows, self._looked_at, _NEAREST),
        }


_KINDS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "procrustes_residual": residuals,
    "cosine_structure": rms_differences,
    "neighbours_changed": jaccard_distances,
}


def _each_kind(signature: dict[str, Tensor]) -> Iterator[tuple[str, Callable[[Tensor, Tensor], Tensor], Tensor]]:
    for name, distance in _KINDS.items():
        yield name, distance, signature[name]


def _to_others(distances: Tensor) -> Floats:
    """Mean distance of each to the others, from [k, k]."""
    square = distances.double().numpy()
    return np.asarray((square.sum(1) - np.diag(square)) / (len(square) - 1))


def _some(mask: Tensor, count: int, generator: np.random.Generator) -> Tensor:
    """At most so many of the items for which the mask holds, drawn and in ascending order."""
    chosen = mask.nonzero().squeeze(1)
    if len(chosen) > count:
        chosen = chosen[torch.from_numpy(np.sort(generator.choice(len(chosen), count, replace=False)))]
    return chosen
