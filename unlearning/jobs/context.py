"""What a job works with: the model that serves, the data before and after, and the devices."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import numpy as np
import torch
from torch import Tensor

from models_engine.fedshare.code import code_digest
from models_engine.fedshare.course import Course
from models_engine.fedshare.data import Edges, SharedData
from models_engine.fedshare.model import Model
from models_engine.fedshare.unlearning import LADDER
from models_engine.fedshare.unlearning.strategy import NOTHING, Calibration, ForgetTask, Strategy
from models_engine.registry.models import ModelVersion
from models_engine.registry.services import load_model, stem
from unlearning.jobs.devices import StartedFleet, make_cohort, simulated_fleet
from unlearning.jobs.fleets import checkpoints
from unlearning.jobs.models import Job
from unlearning.lineage.datasets import Pairs, shared_data
from unlearning.lineage.freezing import freeze
from unlearning.requests.forget_set import open_forget_set
from unlearning.requests.models import Request
from unlearning.requests.states import FINAL


@dataclass(frozen=True)
class JobContext:
    """Read once at the start of an attempt, in one snapshot; nothing in it changes."""

    version: ModelVersion
    model: Model
    before: SharedData
    after: SharedData
    task: ForgetTask
    requests: list[Request]
    pairs: dict[Request, Edges]
    """The withdrawn pairs of each request, by row of `before`."""
    job: UUID
    read_at: datetime
    """Rows that others had removed by then are in neither `before` nor `after`."""
    ladder: tuple[Strategy, ...]


def read_context(job: Job) -> JobContext:
    """Gather what the job's open requests need.

    Raises:
        ModelFileError: the serving model's file is damaged.
        ValueError: nothing would remain to learn from.
    """
    read_at = freeze()
    version = job.recommender.serving
    model = load_model(version)
    requests = list(job.requests.exclude(state__in=FINAL).order_by("received_at"))
    forget_sets = {request: open_forget_set(request) for request in requests}
    as_of = version.dataset.as_of
    learned = {request: forget_set.learned_by(as_of) for request, forget_set in forget_sets.items()}
    before = shared_data(as_of, list(learned.values()), like=model)
    erased_keys = np.concatenate([f.erased_subjects for f in forget_sets.values()])
    erased = torch.isin(before.subject_keys, torch.from_numpy(erased_keys))
    pairs = {request: _known(pairs, before).edges(before) for request, pairs in learned.items()}
    unshared = [pairs[r] for r in requests if r.kind == Request.Kind.UNSHARE]
    fleet = simulated_fleet()
    task = ForgetTask(
        model=model,
        course=Course.single([before], [model.seed], model.config.rounds),
        unshared=_union(unshared, before.n_items, erased),
        deleted=NOTHING,  # an erasure takes whole subjects
        erased=erased,
        calibration=_calibration(version),
        make_cohort=make_cohort(fleet, fleet.private(stem(version.artifact))),
        start_devices=StartedFleet,
    )
    task = _taken_up(task, job)
    return JobContext(
        version=version,
        model=model,
        before=before,
        after=task.after(),
        task=task,
        requests=requests,
        pairs=pairs,
        job=job.pk,
        read_at=read_at,
        ladder=_ladder(task.calibration, job.exact_only),
    )


def erased_keys(context: JobContext) -> Tensor:
    """Learning keys of the subjects who leave entirely."""
    return context.before.subject_keys[context.task.erased]


def _taken_up(task: ForgetTask, job: Job) -> ForgetTask:
    """With a place where learning again is taken up by a later attempt, if it is the same that is learned."""
    about = {
        "code": code_digest(),
        "config": task.model.config.digest(),
        "data": task.course_after().digest(1),
        "seed": task.model.seed,
    }
    folder, memory = checkpoints(job.pk, about)
    return replace(
        task, checkpoints=folder, start_devices=lambda config, deleted: StartedFleet(config, deleted, memory=memory)
    )


def _calibration(version: ModelVersion) -> Calibration | None:
    """The model's amplitudes; none where they were measured with other code, since they say nothing about this one."""
    if version.calibration["code"] != code_digest():
        return None
    return Calibration.from_json(version.calibration)


def _ladder(calibration: Calibration | None, exact_only: bool) -> tuple[Strategy, ...]:
    """The strategies to try."""
    if calibration is not None and not exact_only:
        return LADDER
    return tuple(strategy for strategy in LADDER if strategy.exact)


def _known(pairs: Pairs, before: SharedData) -> Pairs:
    """The pairs whose subject and item the model has rows for."""
    known = np.isin(pairs.subjects, before.subject_keys.numpy()) & np.isin(pairs.items, before.item_keys.numpy())
    return Pairs(pairs.subjects[known], pairs.items[known])


def _union(parts: list[Edges], n_items: int, erased: Tensor) -> Edges:
    """Pairs that any part has, each once, without those of subjects who are erased anyway."""
    nothing = torch.empty(0, dtype=torch.int64)
    codes = torch.unique(torch.cat([nothing, *(part.codes(n_items) for part in parts)]))
    subjects, items = codes // n_items, codes % n_items
    return Edges(subjects, items).where(~erased[subjects])
