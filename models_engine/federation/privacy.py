"""What clipping and noise are worth: local differential privacy of a device's messages."""

import math

import dp_accounting
from dp_accounting import pld

from models_engine.fedshare.config import FedShareConfig


def contributions(config: FedShareConfig) -> int:
    """How many messages a device sends in a training: one in each cycle of rounds."""
    return math.ceil(config.rounds / round(1 / config.participation))


def local_epsilon(config: FedShareConfig, delta: float) -> float:
    """ε of the gradients that a device sends in a training, whoever reads them, at a given δ.

    Not in it are the mean loss and the number of pairs, which go out as they are, and other trainings that a device
    takes part in: the pull of a large request, the twins of a rehearsal, an audit's references.

    Any two histories of a device are neighbours (local differential privacy). Their messages differ by
    twice the clip at most, so that each is a Gaussian mechanism with half of `noise` as its multiplier;
    they compose over the device's contributions. Nothing is gained from others or from being drawn.

    Returns:
        ε, by dp-accounting's privacy loss distributions; infinite without noise.

    Raises:
        ValueError: δ does not lie in (0, 1).
    """
    if not 0 < delta < 1:
        raise ValueError(f"delta must lie in (0, 1), got {delta}")
    if not config.noise:
        return math.inf
    accountant = pld.PLDAccountant()
    accountant.compose(dp_accounting.GaussianDpEvent(config.noise / 2), contributions(config))
    return float(accountant.get_epsilon(delta))
