"""The audits of a job's requests, over models that they share."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import torch

from audits.verification.collateral import Collateral, CollateralResult
from audits.verification.engine import expose
from audits.verification.errors import AuditError
from audits.verification.exposure import Exposure, Reading, Scene, read
from audits.verification.plan import AuditPlan
from audits.verification.protocol import Audit
from audits.verification.reason import Because, Reason
from audits.verification.results import AuditResult
from audits.verification.verdict import Verdict, alarms, join
from models_engine.fedshare.model import Model
from models_engine.fedshare.training import Progress
from models_engine.fedshare.unlearning.strategy import Forgotten, Strategy
from unlearning.jobs.context import JobContext
from unlearning.jobs.devices import make_cohort, simulated_fleet
from unlearning.jobs.fleets import AuditFleet, AuditModel, Lesson
from unlearning.jobs.plans import frozen_digest
from unlearning.requests.models import Request

logger = logging.getLogger(__name__)

Phase = Callable[[str], None]
"""Called with the name of the part that begins."""


@dataclass(frozen=True)
class Judgement:
    """What the check of one request found on one rung of the ladder."""

    verdict: Verdict
    reason: Reason
    result: AuditResult | None = None
    """Of the model that is to serve; None where there was nothing to look for."""
    repeated: AuditResult | None = None
    """Of the method run again on each of the models that know the data."""


class Checks:
    """Built once for an attempt: trains the audit models, and reads them."""

    def __init__(
        self, context: JobContext, plans: dict[Request, AuditPlan], fleet: AuditFleet, phase: Phase, progress: Progress
    ):
        """
        Args:
            plans: of the requests of which something can be looked for; they share their seeds.
            phase: called with the name of each part.
            progress: of a part.

        Raises:
            AuditError: models that can carry no verdict.
            FloatingPointError: learning diverged.
        """
        self._context = context
        self._scenes: dict[Request, Scene] = {}
        self._refused: dict[Request, Reason] = {}
        for request, plan in plans.items():
            try:
                self._scenes[request] = self._scene(request, plan)
            except AuditError as error:  # that one request can't be checked keeps no other from its end
                self._refused[request] = Reason(Because.NO_CHECK_POSSIBLE, (str(error),))
        self._plans = {request: plans[request] for request in self._scenes}
        self._audits: dict[Request, Audit] = {}
        self._collateral: Collateral | None = None
        self.references = self.known = 0
        self._known: list[AuditModel] = []
        if self._plans:
            self._prepare(fleet, phase, progress)

    def judge(
        self, requests: Iterable[Request], strategy: Strategy, forgotten: Model, progress: Progress
    ) -> dict[Request, Judgement]:
        """Check some requests on a model that has forgotten all of the job's."""
        candidate = self._exposure(forgotten, after=True)
        candidates = {request: [reading] for request, reading in self._readings(candidate).items()}
        repeated = self._repeated(strategy, progress)
        return {request: self._judged(request, candidates.get(request), repeated.get(request)) for request in requests}

    def damage(self, forgotten: Model) -> CollateralResult | None:
        """What it did to those who stay; None where nobody is unaffected, or nothing was looked for."""
        return self._collateral.check(self._exposure(forgotten, after=True)) if self._collateral else None

    def _prepare(self, fleet: AuditFleet, phase: Phase, progress: Progress) -> None:
        context = self._context
        plan = next(iter(self._plans.values()))
        phase("references")
        trained = fleet.train([Lesson(context.after, seed) for seed in plan.reference_seeds], progress)
        references = [self._exposure(reference.model, after=True) for reference in trained]
        old = self._exposure(context.model, after=False)
        known = [old]
        if plan.known_seeds:
            phase("models that know the data")
            lent = context.task.of_leavers()
            self._known = fleet.train([Lesson(context.before, seed, lent) for seed in plan.known_seeds], progress)
            known = [self._exposure(one.model, after=False) for one in self._known]
        self.references, self.known = len(references), len(self._known)
        phase("positive control")
        by_model = [self._readings(exposure) for exposure in (*known, *references)]
        for request, plan in self._plans.items():
            readings = [readings_of[request] for readings_of in by_model]
            self._audits[request] = Audit(
                plan, frozen_digest(request), self._scenes[request], readings[: len(known)], readings[len(known) :]
            )
        affected = torch.zeros(context.before.n_subjects, dtype=torch.bool)
        affected[context.task.withdrawn().subjects] = True
        try:
            self._collateral = Collateral.of(context.before, affected, plan.contrast_items, old, references)
        except AuditError as error:
            logger.warning("those who stay were not looked at: %s", error)

    def _judged(self, request: Request, candidate: list[Reading] | None, repeated: list[Reading] | None) -> Judgement:
        if candidate is None:
            if request in self._refused:
                return Judgement(Verdict.NOT_TESTABLE, self._refused[request])
            learned = len(self._context.pairs[request]) > 0
            return Judgement(Verdict.NOT_TESTABLE, Reason(Because.SINGLE_PAIR if learned else Because.NOTHING_LEARNED))
        audit = self._audits[request]
        one = audit.check(candidate)
        if repeated is None:
            return Judgement(one.verdict, one.reason, one)
        many = audit.check(repeated)
        alarm = alarms(one.measured.findings(), one.measured.trials(audit.plan), audit.plan)
        verdict = join(one.verdict, bool(alarm), many.verdict)
        reason = one.reason if alarm else replace(many.reason, models=many.models)
        return Judgement(verdict, reason, one, many)

    def _repeated(self, strategy: Strategy, progress: Progress) -> dict[Request, list[Reading]]:
        """A statistical method again, on each of the models that know the data."""
        if strategy.exact or not any(plan.repeats for plan in self._plans.values()):
            return {}
        found: dict[Request, list[Reading]] = {request: [] for request in self._plans}
        for place, known in enumerate(self._known):
            forgotten = self._forget(strategy, known)
            for request, reading in self._readings(self._exposure(forgotten.model, after=True)).items():
                found[request].append(reading)
            progress((place + 1) / len(self._known))
        return found

    def _forget(self, strategy: Strategy, known: AuditModel) -> Forgotten:
        task = replace(self._context.task, model=known.model, make_cohort=make_cohort(simulated_fleet(), known.private))
        return strategy.forget(task, lambda fraction: None)

    def _exposure(self, model: Model, after: bool) -> Exposure:
        context = self._context
        return expose(model, context.after if after else context.before, context.before.subject_keys)

    def _scene(self, request: Request, plan: AuditPlan) -> Scene:
        before, pairs = self._context.before, self._context.pairs[request]
        return Scene.of(pairs, before.edges, before.item_popularity(), plan.contrast_items)

    def _readings(self, exposure: Exposure) -> dict[Request, Reading]:
        """Of all requests, those with the same statistics at once."""
        readings = {}
        for statistics in dict.fromkeys(plan.statistics for plan in self._plans.values()):
            requests = [request for request, plan in self._plans.items() if plan.statistics == statistics]
            found = read(exposure, [self._scenes[request] for request in requests], statistics)
            readings |= dict(zip(requests, found, strict=True))
        return readings
