"""Forgetting as a ladder of strategies with one interface, cheapest first."""

from models_engine.fedshare.unlearning.contrastive import Contrastive
from models_engine.fedshare.unlearning.exact import Retrain, RollbackReplay
from models_engine.fedshare.unlearning.regression import FallRegression, SubjectFall
from models_engine.fedshare.unlearning.strategy import (
    NOTHING,
    Calibration,
    Falls,
    ForgetTask,
    Forgotten,
    Push,
    Pushes,
    Strategy,
)

LADDER: tuple[Strategy, ...] = (Contrastive(), Retrain())
"""The rungs of a model that learned in one window: there is no clean snapshot to roll back to but the keyed start."""

__all__ = [
    "LADDER",
    "NOTHING",
    "Calibration",
    "Contrastive",
    "FallRegression",
    "Falls",
    "ForgetTask",
    "Forgotten",
    "Push",
    "Pushes",
    "Retrain",
    "RollbackReplay",
    "Strategy",
    "SubjectFall",
]
