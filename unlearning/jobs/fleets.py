"""Models that are trained to be compared with: shared by the requests of a batch, gone when it ends.

They are kept in a folder of their job while it runs, so that an attempt that was killed is taken up where it
was. Those that know the withdrawn data learned it from the sealed forget sets, and are destroyed with them.
"""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import torch
from django.conf import settings
from django.utils import timezone
from torch import Tensor

from audits.evidence import log
from models_engine.federation.fleet import PrivateVectors
from models_engine.fedshare.code import code_digest
from models_engine.fedshare.config import FedShareConfig
from models_engine.fedshare.course import Course
from models_engine.fedshare.data import Edges, SharedData
from models_engine.fedshare.files import StateFileError, StateFiles
from models_engine.fedshare.model import Model
from models_engine.fedshare.places import Place
from models_engine.fedshare.training import Progress, Training
from models_engine.fedshare.unlearning.strategy import NOTHING
from models_engine.registry.places import place
from unlearning.jobs.devices import StartedFleet
from unlearning.jobs.models import Job
from unlearning.requests.models import Request

_BEGUN, _AS_OF = "begun", "as-of"
_RESTS, _LONGEST_REST = timedelta(minutes=10), timedelta(days=7)
_AT_ONCE = 4  # more don't fit the cache of a small machine and train slower, each


@dataclass(frozen=True)
class Lesson:
    """What one audit model learns."""

    data: SharedData
    seed: int
    lent: Edges = NOTHING
    """Pairs by row of `data` that devices get for this training, though they hold them no more."""
    deleted: Edges = NOTHING
    """Pairs by row of `data` that devices hold, and don't train on."""


@dataclass(frozen=True)
class AuditModel:
    """A model and the private vectors that go with it."""

    model: Model
    private: PrivateVectors
    losses: list[tuple[int, float]]
    """Of those that were trained with it, by round; see `Training.losses`."""
    seconds: float
    """What its training took; of several at once, its part."""


class AuditFleet:
    """The audit models of one owner: a job, a certification, or a training with its rehearsal."""

    def __init__(self, owner: UUID, config: FedShareConfig):
        self._owner, self._config = owner, config
        self._kept = StateFiles(_place(owner))

    def begin(self, about: dict[str, Any]) -> None:
        """Take up what an interrupted run about the same left here; what one about something else left goes."""
        try:
            same = self._kept.holds(_BEGUN, about)
        except StateFileError:
            same = False
        if not same:
            self.destroy()
            self._kept.write(_BEGUN, {}, about)

    def learns_as_of(self, moment: datetime) -> None:
        """Put down as of when the data is that is learned: what is forgotten later must not rest here."""
        self._kept.place.write(_AS_OF, moment.isoformat().encode())

    def train(self, lessons: Sequence[Lesson], progress: Progress) -> list[AuditModel]:
        """One model for each lesson; lessons that are the same are learned once, and what an earlier attempt has
        trained is read back.

        Raises:
            FloatingPointError: learning diverged.
            StateFileError: a stored model is damaged.
        """
        about = [self._about(lesson) for lesson in lessons]
        labels = [_label(one) for one in about]
        distinct = [number for number, label in enumerate(labels) if labels.index(label) == number]
        # The same groups at every attempt, whole ones: the last bits of a model depend on those it learns with.
        for start in range(0, len(distinct), _AT_ONCE):
            group = distinct[start : start + _AT_ONCE]
            missing = [number for number in group if not self._kept.holds(labels[number], about[number])]
            if not missing:
                continue
            done, share = start / len(distinct), len(group) / len(distinct)
            trained = self._trained(
                [lessons[number] for number in group],
                [about[number] for number in group],
                lambda fraction, done=done, share=share: progress(done + share * fraction),
            )
            for number, tensors in zip(group, trained, strict=True):
                if number in missing:
                    self._kept.write(labels[number], tensors, about[number])
        return [self._read(lesson, one) for lesson, one in zip(lessons, about, strict=True)]

    def destroy(self) -> None:
        """Remove the models; call it when the transaction that ends their use has committed."""
        destroy(self._owner)

    def record_destruction(self, references: int, known: int) -> None:
        """Put on record that the models go with this transaction."""
        log.append("audit_models.destroyed", {"owner": str(self._owner), "known": known, "references": references})

    def _trained(
        self, lessons: Sequence[Lesson], about: Sequence[dict[str, Any]], progress: Progress
    ) -> list[dict[str, Tensor]]:
        folder, memory = checkpoints(self._owner, {"lessons": about})
        devices = StartedFleet(
            self._config,
            deleted=[lesson.deleted for lesson in lessons],
            lent=[lesson.lent for lesson in lessons],
            memory=memory,
        )
        worlds, seeds = [lesson.data for lesson in lessons], [lesson.seed for lesson in lessons]
        course = Course.single(worlds, seeds, self._config.rounds)
        began, training = time.monotonic(), Training(self._config, course, devices, folder)
        models = training.run(progress)
        whole = (time.monotonic() - began) * course.rounds / (course.rounds - training.first_round)
        return [
            {
                "subjects": model.subjects,
                "items": model.items,
                "history": model.history,
                "private": devices.cohort.private[rows].clone(),
                "losses": torch.tensor(training.losses, dtype=torch.float64),
                "seconds": torch.tensor(whole / len(lessons), dtype=torch.float64),
            }
            for model, rows in zip(models, course.windows[0].replicas.subject_slices, strict=True)
        ]

    def _read(self, lesson: Lesson, about: dict[str, Any]) -> AuditModel:
        stored, data = self._kept.read(_label(about), about), lesson.data
        private = PrivateVectors(data.subject_keys, stored.pop("private"))
        losses = [(int(round_number), loss) for round_number, loss in stored.pop("losses").tolist()]
        seconds = round(float(stored.pop("seconds")), 3)
        keys = {"subject_keys": data.subject_keys, "item_keys": data.item_keys}
        model = Model(config=self._config, seed=lesson.seed, **keys, **stored)
        return AuditModel(model, private, losses, seconds)

    def _about(self, lesson: Lesson) -> dict[str, Any]:
        return {
            "config": self._config.digest(),
            "code": code_digest(),
            "data": Course.single([lesson.data], [lesson.seed], self._config.rounds).digest(1),
            "deleted": _digest(lesson.deleted),
            "lent": _digest(lesson.lent),
            "seed": lesson.seed,
        }


def estimated_seconds(trainings: int, training_seconds: float | None) -> float | None:
    """What so many trainings will take, by what one took when the model was trained; None where that is unknown."""
    return None if training_seconds is None else trainings * training_seconds


def sweep() -> list[UUID]:
    """Remove what is left of jobs that have ended, and of trainings and certifications that nobody goes on with.

    The latter rest, to be taken up, until something that they may have learned from was forgotten; a week at most.

    Returns:
        Whose it was.
    """
    owners = [found for found in map(_uuid, place(settings.AUDIT_MODELS).parts()) if found]
    if not owners:
        return []
    jobs = dict(Job.objects.filter(pk__in=owners).values_list("pk", "state"))
    left = [o for o in owners if (jobs[o] in (Job.State.DONE, Job.State.CANCELLED) if o in jobs else _abandoned(o))]
    for owner in left:
        destroy(owner)
    return left


def _abandoned(owner: UUID) -> bool:
    """Whether nobody has written for a while, and what was learned should not be any more."""
    found = _place(owner)
    touched, as_of = found.touched(), found.read(_AS_OF)
    if touched is None:
        return False
    rest = timezone.now() - touched
    if rest < _RESTS or as_of is None:
        return rest > _LONGEST_REST
    forgotten = Request.objects.filter(rows_removed_at__gt=datetime.fromisoformat(as_of.decode()), rows_removed__gt=0)
    return rest > _LONGEST_REST or forgotten.filter(completed_at__isnull=False).exists()


def _uuid(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:  # such as the lost+found of a disk
        return None


def checkpoints(owner: UUID, about: dict[str, Any]) -> tuple[StateFiles, StateFiles]:
    """Where a training of an owner, and the devices that take part, keep their running state.

    Args:
        about: what sets it apart, so that nothing else's state is ever taken up.
    """
    training = _place(owner).part(f"training-{_label(about)}")
    return StateFiles(training), StateFiles(training.part("devices"))


def destroy(owner: UUID) -> None:
    """Remove the models and the running state of an owner."""
    _place(owner).clear()


def _place(owner: UUID) -> Place:
    return place(settings.AUDIT_MODELS).part(str(owner))


def _digest(edges: Edges) -> str:
    """SHA-256 of the pairs, by row of a lesson's data, in whatever order."""
    pairs = torch.stack([edges.subjects, edges.items]).unique(dim=1)
    return hashlib.sha256(pairs.contiguous().numpy().tobytes()).hexdigest()


def _label(about: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:32]
