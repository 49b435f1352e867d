"""Certifying a way of forgetting on the model that serves, with many models of its kind.

Small requests share a pool of models, each of which lacks a random half of them and has the rest: for every
request half of the pool knows it and half never did, and both halves lack about as many of the others. Each
of those that know forgets it alone. A large request has models of its own.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import torch
from torch import Tensor

from audits.evidence import log
from audits.evidence.measurements import as_json, audit_as_json
from audits.evidence.models import LogEntry
from audits.verification.engine import AFTER_ERASURE, AFTER_UNSHARING, expose
from audits.verification.errors import AuditError
from audits.verification.exposure import Reading, Scene, joined, read
from audits.verification.plan import CERTIFICATION, AssuranceLevel, AuditPlan
from audits.verification.protocol import Audit
from audits.verification.results import AuditResult
from audits.verification.verdict import Verdict
from models_engine.fedshare import keyed
from models_engine.fedshare.course import Course
from models_engine.fedshare.data import Edges, SharedData, rows_of
from models_engine.fedshare.training import Progress
from models_engine.fedshare.unlearning import Contrastive
from models_engine.fedshare.unlearning.strategy import NOTHING, Calibration, ForgetTask, Strategy
from models_engine.registry.models import ModelVersion
from models_engine.registry.services import load_model
from unlearning.jobs.devices import StartedFleet, make_cohort, simulated_fleet
from unlearning.jobs.fleets import AuditFleet, AuditModel, Lesson
from unlearning.jobs.memory import told_when_short
from unlearning.jobs.plans import FROZEN
from unlearning.lineage.datasets import shared_data
from unlearning.lineage.freezing import freeze

_DRAW, _PAIR = keyed.stream("certify"), keyed.stream("certpair")
_FEWEST_PAIRS = 5
_SMALL_REQUESTS = 12
"""Of each kind."""
_LARGE_SHARE = 0.1
_SIZES = {"subject": "one subject", "tenth": "a tenth of the subjects"}
_KINDS = {"erase": "erased", "unshare": "unsharing"}


@dataclass(frozen=True, eq=False)
class Trial:
    """One request, as it is played through."""

    kind: str
    size: str
    pairs: Edges
    """By row of the data of everybody."""
    leaves: Tensor
    """Bool [n]: subjects who are erased."""
    scene: Scene


class Certifying:
    """One certification of the version that serves.

    Raises:
        ValueError: too few subjects share enough to play the requests.
    """

    def __init__(
        self,
        version: ModelVersion,
        owner: UUID | None = None,
        level: AssuranceLevel = CERTIFICATION,
        requests: int = _SMALL_REQUESTS,
    ):
        """
        Args:
            owner: of an earlier attempt that is to be taken up; its models are used again.
            level: how many models are trained.
            requests: of one subject, of each kind.
        """
        self.version, self.owner, self.level = version, owner or uuid4(), level
        self._model = load_model(version)
        read_at = freeze()
        self._data = shared_data(version.dataset.as_of, like=self._model)
        self._fleet = AuditFleet(self.owner, self._model.config)
        self._fleet.learns_as_of(read_at)
        self._strategy: Strategy = Contrastive()
        # Seeds that nobody chose, the same for an attempt that takes up another.
        generator = np.random.default_rng(self.owner.int)
        self._halves = generator.spawn(1)[0]
        self._seeds = iter([int(s) for s in generator.choice(2**53, 8 * level.trainings, replace=False)])
        self._small = self._small_trials(requests)
        self._large = [self._large_trial(kind) for kind in _KINDS]

    @property
    def trainings(self) -> int:
        """How many models are trained."""
        return self.level.trainings + self.level.known + len(self._large) * self.level.references

    @told_when_short()
    def run(self, progress: Progress) -> tuple[dict[str, Any], list[str]]:
        """Train, forget and compare. Returns the certification document's content and the kinds it certifies.

        Raises:
            AuditError: models that can carry no verdict.
            FloatingPointError: learning diverged.
            MemoryError: there is too little.
        """
        seeds = {size: tuple(next(self._seeds) for _ in range(self.level.trainings)) for size in _SIZES}
        plans = {(kind, size): self._plan(kind, seeds[size]) for size in _SIZES for kind in _KINDS}
        self._freeze(plans.values())
        steps = self.trainings
        pool_share = self.level.trainings / steps
        results = self._small_results(plans, lambda part: progress(part * pool_share))
        results |= self._large_results(plans, lambda part: progress(pool_share + part * (1 - pool_share)))
        cells = [self._cell(kind, size, plans[kind, size], result) for (kind, size), result in results.items()]
        certified = sorted(
            kind
            for kind in _KINDS
            if all(cell["verdict"] == Verdict.REMOVED_WITHIN_MARGIN for cell in cells if cell["kind"] == kind)
        )
        content = {
            "model": {
                "recommender": self.version.recommender.name,
                "version": self.version.number,
                "digest": self.version.digest,
                "config": self._model.config.digest(),
                "code": self.version.code_digest,
                "data_root": self.version.dataset.root,
                "pairs": len(self._data.edges),
            },
            "strategy": self._strategy.name,
            "cells": cells,
            "audit_models": self.trainings,
        }
        return content, certified

    def end(self) -> None:
        """Destroy the models, and put that on record."""
        known = self.level.known + self.level.trainings
        self._fleet.record_destruction(self.trainings - known, known)
        self._fleet.destroy()

    def _freeze(self, plans: Collection[AuditPlan]) -> None:
        """Put the plans on record, or hold them against what an earlier attempt put there."""
        digests = {plan.digest() for plan in plans}
        entries = LogEntry.objects.filter(kind=FROZEN, payload__certification=str(self.owner))
        recorded = {entry.payload["plan"] for entry in entries}
        if recorded and recorded != digests:
            raise AuditError("the plans are not those that were frozen for this certification: start a new one")
        for digest in sorted(digests - recorded):
            log.append(FROZEN, {"certification": str(self.owner), "plan": digest})

    def _cell(self, kind: str, size: str, plan: AuditPlan, result: AuditResult) -> dict[str, Any]:
        trials = [t for t in (*self._small, *self._large) if (t.kind, t.size) == (kind, size)]
        return {
            "name": f"{_SIZES[size]}, {_KINDS[kind]}",
            "kind": kind,
            "size": size,
            "requests": len(trials),
            "plan": plan.as_json() | {"digest": plan.digest(), "claim": self.level.claim, "limit": self.level.limit},
            "verdict": result.verdict,
            "reason": as_json(result.reason),
            "measurements": audit_as_json(result),
        }

    def _plan(self, kind: str, seeds: tuple[int, ...]) -> AuditPlan:
        statistics = AFTER_ERASURE if kind == "erase" else AFTER_UNSHARING
        return AuditPlan.at(self.level, statistics, seeds, seeds[0])

    def _small_trials(self, count: int) -> list[Trial]:
        data = self._data
        degree = torch.bincount(data.edges.subjects, minlength=data.n_subjects)
        able = (degree >= _FEWEST_PAIRS).nonzero().squeeze(1)
        if len(able) < 4 * count:
            raise ValueError(
                f"{len(able)} subjects share {_FEWEST_PAIRS} interactions or more; a certification needs {4 * count}"
            )
        drawn = able[keyed.uniform(data.subject_keys[able], self.version.seed, _DRAW).argsort()][: 2 * count]
        trials = []
        for place, subject in enumerate(drawn):
            kind = list(_KINDS)[place % 2]
            leaves = torch.zeros(data.n_subjects, dtype=torch.bool)
            leaves[subject] = kind == "erase"
            trials.append(self._trial(kind, "subject", data.edges.where(data.edges.subjects == subject), leaves))
        return trials

    def _large_trial(self, kind: str) -> Trial:
        """A tenth of the subjects leave, or unshare half of what they share."""
        data = self._data
        asking = (keyed.uniform(data.subject_keys, self.version.seed, _DRAW) < _LARGE_SHARE) & data.sharing()
        pairs = data.edges.where(asking[data.edges.subjects])
        if kind == "unshare":
            draws = keyed.uniform(data.subject_keys[pairs.subjects], data.item_keys[pairs.items], _PAIR)
            pairs = pairs.where(draws < 0.5)
        return self._trial(kind, "tenth", pairs, asking & torch.tensor(kind == "erase"))

    def _trial(self, kind: str, size: str, pairs: Edges, leaves: Tensor) -> Trial:
        data = self._data
        scene = Scene.of(pairs, data.edges, data.item_popularity(), AuditPlan.contrast_items)
        return Trial(kind, size, pairs, leaves, scene)

    def _small_results(
        self, plans: dict[tuple[str, str], AuditPlan], progress: Progress
    ) -> dict[tuple[str, str], AuditResult]:
        trials = self._small
        seeds = [*plans["erase", "subject"].reference_seeds, *plans["erase", "subject"].known_seeds]
        lacking: list[set[int]] = []
        for _ in range(len(seeds) // 2):
            order = self._halves.permutation(len(trials)).tolist()
            lacking += [set(order[: len(trials) // 2]), set(order[len(trials) // 2 :])]
        worlds = [self._without([trials[place] for place in sorted(lacks)]) for lacks in lacking]
        lessons = [Lesson(world, seed) for world, seed in zip(worlds, seeds, strict=True)]
        models = self._fleet.train(lessons, lambda part: progress(0.8 * part))
        read_trials = []
        for place, trial in enumerate(trials):
            knowing = [k for k, lacks in enumerate(lacking) if place not in lacks]
            never = [k for k, lacks in enumerate(lacking) if place in lacks]
            read_trials.append(
                (
                    [self._forgotten(trial, models[k], worlds[k]) for k in knowing],
                    [self._read(trial, models[k], worlds[k]) for k in knowing],
                    [self._read(trial, models[k], worlds[k]) for k in never],
                )
            )
            progress(0.8 + 0.2 * (place + 1) / len(trials))
        return {
            (kind, "subject"): self._audited(
                plans[kind, "subject"],
                Scene.joined([trial.scene for trial in trials if trial.kind == kind]),
                [sides for trial, sides in zip(trials, read_trials, strict=True) if trial.kind == kind],
            )
            for kind in _KINDS
        }

    def _large_results(
        self, plans: dict[tuple[str, str], AuditPlan], progress: Progress
    ) -> dict[tuple[str, str], AuditResult]:
        parts = 1 + len(self._large)
        knowing = self._trained(self._data, plans["erase", "tenth"].known_seeds, partial(_part, progress, 0, parts))
        results = {}
        for place, trial in enumerate(self._large):
            plan, world = plans[trial.kind, "tenth"], self._without([trial])
            never = self._trained(world, plan.reference_seeds, partial(_part, progress, place + 1, parts))
            sides = (
                [self._forgotten(trial, one, self._data) for one in knowing],
                [self._read(trial, one, self._data) for one in knowing],
                [self._read(trial, one, world) for one in never],
            )
            results[trial.kind, "tenth"] = Audit(plan, plan.digest(), trial.scene, sides[1], sides[2]).check(sides[0])
        return results

    def _audited(
        self, plan: AuditPlan, scene: Scene, sides: Sequence[tuple[list[Reading], list[Reading], list[Reading]]]
    ) -> AuditResult:
        """Several requests as one: place by place, their readings side by side."""
        after, known, without = (
            [joined(column) for column in zip(*(side[part] for side in sides), strict=True)] for part in range(3)
        )
        return Audit(plan, plan.digest(), scene, known, without).check(after)

    def _trained(self, world: SharedData, seeds: Sequence[int], progress: Progress) -> list[AuditModel]:
        return self._fleet.train([Lesson(world, seed) for seed in seeds], progress)

    def _without(self, trials: Sequence[Trial]) -> SharedData:
        """The data of everybody, less what some requests withdraw."""
        leaves = torch.stack([trial.leaves for trial in trials]).any(0)
        pairs = Edges(
            torch.cat([trial.pairs.subjects for trial in trials]), torch.cat([trial.pairs.items for trial in trials])
        )
        return self._data.without(pairs, leaves)

    def _read(self, trial: Trial, one: AuditModel, world: SharedData) -> Reading:
        statistics = AFTER_ERASURE if trial.kind == "erase" else AFTER_UNSHARING
        return read(expose(one.model, world, self._data.subject_keys), [trial.scene], statistics)[0]

    def _forgotten(self, trial: Trial, one: AuditModel, world: SharedData) -> Reading:
        """A model after it has forgotten this request alone."""
        rows = rows_of(self._data.subject_keys, world.subject_keys)
        unshared = Edges(rows[trial.pairs.subjects], trial.pairs.items) if trial.kind == "unshare" else NOTHING
        task = ForgetTask(
            model=one.model,
            course=Course.single([world], [one.model.seed], one.model.config.rounds),
            unshared=unshared,
            deleted=NOTHING,
            erased=torch.isin(world.subject_keys, self._data.subject_keys[trial.leaves]),
            calibration=Calibration.from_json(self.version.calibration),
            make_cohort=make_cohort(simulated_fleet(), one.private),
            start_devices=StartedFleet,
        )
        forgotten = self._strategy.forget(task, lambda fraction: None)
        return self._read(trial, replace(one, model=forgotten.model), task.after())


def _part(progress: Progress, number: int, of: int, fraction: float) -> None:
    progress((number + fraction) / of)
