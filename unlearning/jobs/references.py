"""The fleet of reference models that the requests of a batch share."""

from models_engine.fedshare.config import FedShareConfig
from models_engine.fedshare.course import Course
from models_engine.fedshare.data import SharedData
from models_engine.fedshare.model import Model
from models_engine.fedshare.training import Progress, Training
from unlearning.jobs.training import StartedFleet

_REPLICAS_AT_ONCE = 4  # more don't fit the cache of a small machine and train slower, each


def train_references(config: FedShareConfig, data: SharedData, seeds: list[int], progress: Progress) -> list[Model]:
    """Train one model for each seed on the remaining data.

    They live in memory only: models trained to be compared with are never stored.
    """
    models: list[Model] = []
    for start in range(0, len(seeds), _REPLICAS_AT_ONCE):
        group = seeds[start : start + _REPLICAS_AT_ONCE]
        course = Course.single([data] * len(group), group, config.rounds)
        done, share = start / len(seeds), len(group) / len(seeds)
        models += Training(config, course, StartedFleet(config)).run(
            lambda fraction, done=done, share=share: progress(done + share * fraction)
        )
    return models
