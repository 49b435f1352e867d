"""Forgetting as a ladder of strategies with one interface, cheapest first."""

from models_engine.fedshare.unlearning.contrastive import Contrastive
from models_engine.fedshare.unlearning.retrain import Retrain
from models_engine.fedshare.unlearning.strategy import Calibration, ForgetTask, Forgotten, Strategy

LADDER: tuple[Strategy, ...] = (Contrastive(), Retrain())
"""The rungs, from the cheapest to the one that is always right."""

__all__ = ["LADDER", "Calibration", "Contrastive", "ForgetTask", "Forgotten", "Retrain", "Strategy"]
