"""What forgetting did to those who stay: usefulness, exposure to attack, and their recommendations.

It belongs to a model, not to a request, so that the requests of a batch share it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy  # its parts load where they are first used: the offline verifier waits for none
import torch
from torch import Tensor

from audits.verification.exposure import Exposure, Scene, read
from audits.verification.representation.cka import mean_cka
from audits.verification.representation.neighbourhood import jaccard_distances
from audits.verification.statistics.detection import Detection, detect
from audits.verification.statistics.intervals import Floats, Interval
from audits.verification.statistics.roc import auc
from models_engine.fedshare import keyed
from models_engine.fedshare.data import Edges, SharedData

_SUBJECTS = 64
_DRAW = keyed.stream("bystanders")
_CKA_MODELS = 4


@dataclass(frozen=True)
class Comparison:
    """A number of the model before and after, beside the same of the references."""

    before: float
    after: float
    reference_mean: float
    reference_sd: float
    detection: Detection
    """After, against the references."""


@dataclass(frozen=True)
class CollateralResult:
    """What was measured on a sample of subjects who stay and withdraw nothing."""

    subjects: int
    attack_surface: Comparison
    """AUC of a population attack on retained pairs: how far they stand out against pairs never shared."""
    top_k: int
    recommendations_changed: Comparison
    """Jaccard distance of the top k to those of the model before; 0 before, by definition."""
    cka: float
    """Linear CKA of the item table with references, for context."""
    reference_cka: float


class Collateral:
    """Built once for a job, from the models that the requests share."""

    def __init__(self, subjects: Tensor, scene: Scene, before: Exposure, references: Sequence[Exposure], k: int = 20):
        """
        Args:
            subjects: int64 [s], counted as in the exposures.
            scene: their retained pairs.
            before: the model as it was.
            references: K models without the data.
        """
        self._subjects, self._scene, self._k = subjects, scene, k
        self._lists = self._top([before])
        self._surface_before = self._surface(before)
        self._null = np.array([self._surface(reference) for reference in references])
        self._null_changed = self._changed(references)
        self._tables = torch.stack([reference.items["item_rows"] for reference in references])

    @classmethod
    def of(
        cls, before: SharedData, affected: Tensor, contrast_items: int, old: Exposure, references: Sequence[Exposure]
    ) -> "Collateral | None":
        """A sample drawn by key from those who share and are not affected; None where there is nobody.

        Args:
            before: the data before, by whose rows the exposures count subjects.
            affected: bool [n], subjects who withdraw something.
        """
        able = (before.sharing() & ~affected).nonzero().squeeze(1)
        if len(able) == 0:
            return None
        chosen = able[keyed.uniform(before.subject_keys[able], _DRAW).argsort()[:_SUBJECTS]]
        pairs = before.edges.where(torch.isin(before.edges.subjects, chosen))
        scene = Scene.of(pairs, pairs, before.item_popularity(), contrast_items)
        return cls(chosen, scene, old, references)

    def check(self, candidate: Exposure) -> CollateralResult:
        """Compare one model that has forgotten."""
        surface, changed = self._surface(candidate), float(self._changed([candidate])[0])
        few = self._tables[:_CKA_MODELS]
        return CollateralResult(
            subjects=len(self._subjects),
            attack_surface=_compared(self._surface_before, surface, self._null),
            top_k=self._k,
            recommendations_changed=_compared(0.0, changed, self._null_changed),
            cka=mean_cka(candidate.items["item_rows"], few),
            reference_cka=mean_cka(self._tables[-1], few),
        )

    def _surface(self, exposure: Exposure) -> float:
        (reading,) = read(exposure, [self._scene], ("pairs_on_views",))
        return auc(reading.margins["pairs_on_views"], reading.population["pairs_on_views"])

    def _changed(self, exposures: Sequence[Exposure]) -> Floats:
        return jaccard_distances(self._top(exposures), self._lists)[:, 0].double().numpy()

    def _top(self, exposures: Sequence[Exposure]) -> Tensor:
        """The k best items of each subject that are new to them; bool [models, s, items]."""
        everything = torch.arange(self._scene.n_items).expand(len(self._subjects), -1)
        known = _as_mask(self._scene.pairs, self._subjects, self._scene.n_items)
        scores = torch.stack([seen.scores["views"](self._subjects, everything) for seen in exposures])
        scores.masked_fill_(known, -torch.inf)
        best = scores.topk(min(self._k, self._scene.n_items), dim=2).indices
        return torch.zeros(scores.shape, dtype=torch.bool).scatter_(2, best, True)


def paired_change(before: Floats, after: Floats, confidence: float = 0.95) -> Interval:
    """Mean change of a quality over the same subjects, with the interval of a paired t test.

    Args:
        before, after: [subjects], two at least.
    """
    change = after - before
    mean, error = float(change.mean()), float(change.std(ddof=1)) / len(change) ** 0.5
    half = float(scipy.stats.t.ppf((1 + confidence) / 2, len(change) - 1)) * error
    return Interval(mean, mean - half, mean + half, confidence)


def _compared(before: float, after: float, references: Floats) -> Comparison:
    return Comparison(
        before, after, float(references.mean()), float(references.std(ddof=1)), detect(np.array([after]), references)
    )


def _as_mask(pairs: Edges, subjects: Tensor, n_items: int) -> Tensor:
    order = subjects.argsort()
    mask = torch.zeros(len(subjects), n_items, dtype=torch.bool)
    mask[order[torch.searchsorted(subjects[order], pairs.subjects)], pairs.items] = True
    return mask
