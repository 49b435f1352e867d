"""Many small models in place of one: to forget is to learn one of them again.

SISA (Bourtoule et al., IEEE S&P 2021) cuts the data into shards, each with a model of its own; RecEraser (Chen et al.,
WWW 2022) does so for recommenders, in ten shards. Exact, and as cheap as a shard where few shards are concerned; what
it costs is quality: nobody learns from the customers of another shard. Here shards are drawn by key, evenly.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from models_engine.fedshare import keyed
from models_engine.fedshare.data import Edges, SharedData

_SHARD = keyed.stream("shard")


def shard_of(data: SharedData, shards: int, seed: int) -> Tensor:
    """The shard of each subject, int64 [n]."""
    return (keyed.uniform(data.subject_keys, _SHARD, seed) * shards).to(torch.int64)


def cut(data: SharedData, owners: Tensor, shards: Sequence[int]) -> list[SharedData]:
    """The data of some shards: their subjects and what these share, with every item.

    Args:
        owners: int64 [n], from `shard_of`.

    Raises:
        ValueError: nobody in a shard shares anything.
    """
    nothing = torch.empty(0, dtype=torch.int64, device=data.subject_keys.device)
    return [data.without(Edges(nothing, nothing), owners != shard) for shard in shards]
