"""One audit from a frozen plan to a verdict."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch

from audits.verification.membership import offline_lira
from audits.verification.plan import AuditPlan
from audits.verification.representation import procrustes_residuals
from audits.verification.statistics import (
    Detection,
    Floats,
    Interval,
    auc,
    clustered_auc,
    crawford_howell,
    equivalence_power,
    holm,
    residual_influence,
    tpr_at_fpr,
)
from audits.verification.verdict import Finding, Verdict, decide
from models_engine.evaluation.margins import fold_in_margins, matched_items, pair_margins
from models_engine.fedshare.data import Edges, SharedData, rows_of
from models_engine.fedshare.model import Model

_ANCHORS_FOR_EACH_DIMENSION = 2
_HISTOGRAM_BINS = 40


class AuditError(ValueError):
    """An audit that can't give a verdict; the message says which input is at fault."""


@dataclass(frozen=True)
class Exposure:
    """What somebody who holds everything of the server's can see of a model."""

    model: Model
    subject_views: torch.Tensor
    item_views: torch.Tensor

    @classmethod
    def of(cls, model: Model, data: SharedData) -> "Exposure":
        """The model's rows, and its views over the graph that it serves with."""
        return cls(model, *model.views(data))


Statistic = Callable[[Exposure, Edges, torch.Tensor], torch.Tensor]
"""Margins [pairs] of an exposure, given pairs (subjects by the exposure's rows) and contrasts."""

MEMBERSHIP_STATISTICS: dict[str, Statistic] = {
    "fold_in_on_item_rows": lambda seen, pairs, contrast: fold_in_margins(seen.model.items, pairs, contrast),
    "fold_in_on_item_views": lambda seen, pairs, contrast: fold_in_margins(seen.item_views, pairs, contrast),
    "pairs_on_rows": lambda seen, pairs, contrast: pair_margins(seen.model.subjects, seen.model.items, pairs, contrast),
    "pairs_on_views": lambda seen, pairs, contrast: pair_margins(seen.subject_views, seen.item_views, pairs, contrast),
}
"""Fold-in needs no row of the subject and survives its deletion; pairs need the row to be there."""

AFTER_ERASURE = ("fold_in_on_item_rows", "fold_in_on_item_views")
AFTER_UNSHARING = (*AFTER_ERASURE, "pairs_on_rows", "pairs_on_views")


@dataclass(frozen=True)
class MembershipResult:
    """One statistic: the model before, the model after, and models that never knew."""

    name: str
    before: float
    after: float
    reference_mean: float
    reference_sd: float
    control: Detection
    control_p: float
    """Holm-adjusted over the statistics."""
    detection: Detection
    """The model after against the references."""
    influence: Interval
    power: float
    """Chance that exact retraining would pass the equivalence test."""
    attack_auc: Interval
    auc_detection: Detection
    """The attack's AUC against its values on the references."""
    attack_tpr: Interval
    tpr_detection: Detection
    """Its true-positive rate against those on the references."""


@dataclass(frozen=True)
class DistanceResult:
    """A rotation-invariant distance, against the distances between references."""

    name: str
    before: float
    after: float
    reference_mean: float
    reference_sd: float
    detection: Detection


@dataclass(frozen=True)
class ScoreHistogram:
    """Distributions of the first statistic's margins, for a plot; shares that sum to 1."""

    edges: list[float]
    before: list[float]
    after: list[float]
    references: list[float]


@dataclass(frozen=True)
class AuditResult:
    """Everything that was measured, and what follows from it."""

    plan_digest: str
    pairs: int
    subjects: int
    membership: list[MembershipResult]
    distances: list[DistanceResult]
    detected: list[str]
    """Tests whose p, adjusted over all of them (Holm), is at most α."""
    histogram: ScoreHistogram
    verdict: Verdict
    reason: str


class Audit:
    """The check of one request; the candidate may change, the rest is fixed by the plan.

    Usage: build it once (this scores the model before and the references), then `check` one
    candidate after the other while the request climbs the ladder.
    """

    def __init__(self, plan: AuditPlan, pairs: Edges, before: SharedData, old: Exposure, references: list[Exposure]):
        """
        Args:
            pairs: the withdrawn pairs that were learned from, by row of `before`.
            before: the data that the old model learned from.
            old: the model before.
            references: K models that never saw the pairs.

        Raises:
            AuditError: an empty forget set, too few references, or references that are copies.
        """
        if len(pairs) == 0:
            raise AuditError("the forget set is empty: there is nothing to look for")
        if len(references) != plan.references:
            raise AuditError(f"the plan asks for {plan.references} references, {len(references)} were given")
        if torch.allclose(references[0].model.items, references[1].model.items):
            raise AuditError("two references are the same model: they are not independent")
        self.plan, self.pairs, self.before = plan, pairs, before
        self._contrast = matched_items(pairs, before.edges, before.item_popularity(), plan.contrast_items)
        self._old = {name: self._margins(name, old) for name in plan.statistics}
        self._references = {
            name: np.stack([self._margins(name, reference) for reference in references], 1) for name in plan.statistics
        }
        self._reference_tables = _tables(reference.model for reference in references)
        self._watched = np.isin(np.arange(before.n_items), pairs.items.numpy())
        self._old_table = _tables([old.model])
        self._distance_null = self._reference_distances()

    def check(self, candidate: Exposure) -> AuditResult:
        """Measure one candidate and decide.

        Raises:
            AuditError: a score that isn't finite.
        """
        plan = self.plan
        names = plan.statistics
        controls = [crawford_howell(*self._control(name)) for name in names]
        control_p = holm([control.p if control.t > 0 else 1.0 for control in controls])
        membership = [
            self._measure(name, self._margins(name, candidate), control, p)
            for name, control, p in zip(names, controls, control_p, strict=True)
        ]
        distances = self._distances(_tables([candidate.model]))
        tests = {m.name: m.detection.p for m in membership}
        tests |= {f"attack_auc_{m.name}": m.auc_detection.p for m in membership}
        tests |= {f"attack_tpr_{m.name}": _upper(m.tpr_detection) for m in membership}
        tests |= {d.name: _upper(d.detection) for d in distances}
        detected = [name for name, p in zip(tests, holm(list(tests.values())), strict=True) if p <= plan.alpha]
        verdict, reason = decide(
            [Finding(m.name, m.control_p <= plan.alpha, m.influence) for m in membership], detected, plan.margin
        )
        return AuditResult(
            plan_digest=plan.digest(),
            pairs=len(self.pairs),
            subjects=len(torch.unique(self.pairs.subjects)),
            membership=membership,
            distances=distances,
            detected=detected,
            histogram=self._histogram(self._margins(names[0], candidate)),
            verdict=verdict,
            reason=reason,
        )

    def _margins(self, name: str, seen: Exposure) -> Floats:
        pairs = Edges(rows_of(self.before.subject_keys[self.pairs.subjects], seen.model.subject_keys), self.pairs.items)
        if name.startswith("pairs_") and (pairs.subjects < 0).any():
            raise AuditError(f"{name} needs the subjects' own rows, and a model has none for some of them")
        if name.startswith("fold_in_"):
            pairs = self.pairs  # only groups pairs by subject; no row is read
        margins = MEMBERSHIP_STATISTICS[name](seen, pairs, self._contrast).numpy().astype(np.float64)
        if not np.isfinite(margins).all():
            raise AuditError(f"{name} gives NaN or infinite scores")
        return margins

    def _control(self, name: str) -> tuple[float, Floats]:
        return float(self._old[name].mean()), self._references[name].mean(axis=0)

    def _measure(self, name: str, margins: Floats, control: Detection, control_p: float) -> MembershipResult:
        plan = self.plan
        before, references = self._control(name)
        after = float(margins.mean())
        lira = offline_lira(margins, self._references[name])
        everyone = lira.references.ravel()
        auc_null, tpr_null = np.array(
            [
                _attack(lira.references[:, k], np.delete(lira.references, k, axis=1), plan)
                for k in range(plan.references)
            ]
        ).T
        attack_tpr = tpr_at_fpr(lira.model, everyone, plan.false_positive_rate)
        attack_auc = clustered_auc(lira.model, lira.references, self.pairs.subjects.numpy(), seed=plan.bootstrap_seed)
        spread = float(references.std(ddof=1))
        return MembershipResult(
            name=name,
            before=before,
            after=after,
            reference_mean=float(references.mean()),
            reference_sd=spread,
            control=control,
            control_p=control_p,
            detection=crawford_howell(after, references),
            influence=residual_influence(after, before, references, plan.confidence),
            power=equivalence_power(
                (before - float(references.mean())) / spread, plan.references, plan.margin, plan.confidence
            ),
            attack_auc=attack_auc,
            auc_detection=crawford_howell(attack_auc.estimate, auc_null),
            attack_tpr=attack_tpr,
            tpr_detection=crawford_howell(attack_tpr.estimate, tpr_null),
        )

    def _reference_distances(self) -> Floats:
        """Mean distance of each reference to the others; empty where too few items are left as anchors."""
        if (~self._watched).sum() < _ANCHORS_FOR_EACH_DIMENSION * self._old_table.shape[2]:
            return np.empty(0)
        tables = self._reference_tables
        between = procrustes_residuals(tables, tables, self._watched)
        return (between.sum(axis=1) - np.diag(between)) / (len(tables) - 1)

    def _distances(self, table: Floats) -> list[DistanceResult]:
        null = self._distance_null
        if len(null) == 0:
            return []
        before, after = (
            float(procrustes_residuals(one, self._reference_tables, self._watched).mean())
            for one in (self._old_table, table)
        )
        return [
            DistanceResult(
                name="procrustes_residual",
                before=before,
                after=after,
                reference_mean=float(null.mean()),
                reference_sd=float(null.std(ddof=1)),
                detection=crawford_howell(after, null),
            )
        ]

    def _histogram(self, after: Floats) -> ScoreHistogram:
        name = self.plan.statistics[0]
        before, references = self._old[name], self._references[name].ravel()
        low, high = np.quantile(np.concatenate([before, after, references]), [0.001, 0.999])
        edges = np.linspace(low, high, _HISTOGRAM_BINS + 1)

        def shares(values: Floats) -> list[float]:
            counts, _ = np.histogram(np.clip(values, low, high), edges)
            return [float(count) / len(values) for count in counts]

        return ScoreHistogram([float(e) for e in edges], shares(before), shares(after), shares(references))


def _attack(positives: Floats, negatives: Floats, plan: AuditPlan) -> tuple[float, float]:
    """AUC and true-positive rate of the attack on one reference against the others."""
    others = negatives.ravel()
    return auc(positives, others), tpr_at_fpr(positives, others, plan.false_positive_rate).estimate


def _upper(detection: Detection) -> float:
    """One-sided p: only too much is suspect; too little says nothing."""
    return detection.p / 2 if detection.t > 0 else 1 - detection.p / 2


def _tables(models: Iterable[Model]) -> Floats:
    """Item rows, [models, items, d]."""
    return np.stack([model.items.numpy().astype(np.float64) for model in models])
