"""The configurations that are measured, by dataset."""

from dataclasses import replace

from models_engine.fedshare.config import FedShareConfig

CONFIGS = {
    "ml-100k": FedShareConfig(),
    "ml-1m": FedShareConfig(l2=3e-5),
    "online-retail": FedShareConfig(l2=3e-5),
    "gowalla": FedShareConfig(l2=3e-6),
}
"""FedShare."""

_CENTRAL = {"local_view": False, "contrast_weight": 0.0, "l2": 0.0, "learning_rate": 0.01, "rounds": 800}
LIGHTGCN = {name: replace(config, **_CENTRAL) for name, config in CONFIGS.items()}
"""The same without devices' part: LightGCN, at the step size and length that suited it best on MovieLens-100K."""
