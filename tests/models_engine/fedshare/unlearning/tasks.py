"""What is asked of a small world's model, and the devices that take part."""

from dataclasses import replace

import torch

from models_engine.fedshare.course import Course, Window
from models_engine.fedshare.data import rows_of
from models_engine.fedshare.files import StateFiles
from models_engine.fedshare.places import Folder
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.training import Training
from models_engine.fedshare.unlearning import (
    NOTHING,
    Calibration,
    FallRegression,
    Falls,
    ForgetTask,
    Push,
    Pushes,
    SubjectFall,
)
from tests.worlds import SMALL, WorldDevices

PUSHES = Pushes(delete=Push(0.5, 0.2), unshare=Push(0.2, 0.1))


def falling(features: int, by: float = 0.1, *weights: float) -> FallRegression:
    """By so many standard deviations, and by what the first features weigh more."""
    weights += (0.0,) * (features - len(weights))
    return FallRegression(by, weights, (-1e9,) * features, (1e9,) * features)


def whole_falling(by: float, *weights: float) -> SubjectFall:
    """All pairs of a subject by as much, on which the first features of the subject weigh."""
    return SubjectFall(mean=falling(4, by, *weights), departures=falling(4, 0.0))


FALL, WHOLE = falling(7), whole_falling(0.1)
AMPLITUDES = Calibration(
    small=PUSHES,
    alone=Falls(FALL, FALL),
    whole=Falls(WHOLE, WHOLE),
    large=replace(PUSHES, unshare=Push(0.2, 0.0)),
    pace=2.0,
)


def task_of(world, trained, erased=(), unshared=NOTHING, deleted=NOTHING, course=None, snapshots=None):
    """What a request asks of the world's model; amplitudes are such that margins fall by a tenth."""
    model, cohort = trained
    mask = torch.zeros(world.data.n_subjects, dtype=torch.bool)
    mask[list(erased)] = True
    return ForgetTask(
        model=model,
        course=course or Course.single([world.data], [1], SMALL.rounds),
        unshared=unshared,
        deleted=deleted,
        erased=mask,
        calibration=AMPLITUDES,
        make_cohort=carrying_on(world, cohort),
        start_devices=at_the_start(world, snapshots and StateFiles(Folder(snapshots / "devices")), deleted),
        snapshots=snapshots and StateFiles(Folder(snapshots / "server")),
    )


def carrying_on(world, cohort):
    """Devices with the private vectors that a training left them."""

    def make_cohort(config, replicas, deleted):
        rows = rows_of(replicas.subject_keys, world.subject_keys)
        return world.cohort(replicas, config, cohort.private[rows], deleted=deleted)

    return make_cohort


def at_the_start(world, memory=None, deleted=NOTHING):
    """Devices before any training, which have deleted some pairs."""
    return lambda config, gone: WorldDevices(world, config, memory, gone or [deleted])


def twins(world):
    """Trains what a rehearsal asks for."""

    def train(wanted, progress):
        course = Course.single([twin.data for twin in wanted], [1] * len(wanted), SMALL.rounds)
        return Training(SMALL, course, WorldDevices(world, SMALL, deleted=[t.deleted for t in wanted])).run(progress)

    return train


def pairs_of(world, subject):
    """What a subject shares."""
    return world.data.edges.where(world.data.edges.subjects == subject)


def three_windows(world):
    """A course in which subjects come in over three windows."""
    found = []
    for count in (20, 30, world.data.n_subjects):
        later = torch.arange(world.data.n_subjects) >= count
        data = world.data.without(world.data.edges.where(later[world.data.edges.subjects]), later)
        found.append(Window(Replicas([data], [1]), 14))
    return Course(found)
