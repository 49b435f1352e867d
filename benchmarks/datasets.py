"""Real datasets, as the tensors that the engine learns from.

MovieLens-100K comes with a public package; the others are read from a folder beside the project
(`FEDSHARE_DATA`, by default `../shared/data`). A benchmark says so and skips a dataset that is absent.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet
import torch
from numpy.typing import NDArray
from torch import Tensor

from fedshare_site.demo import movielens
from models_engine.fedshare import keyed
from models_engine.fedshare.data import Edges, SharedData

_ROOT = Path(__file__).parents[1]
_FOLDER = Path(os.environ.get("FEDSHARE_DATA", _ROOT.parent / "shared" / "data"))
_CACHE = _ROOT / "var" / "downloads"

_SUBJECT, _ITEM = keyed.stream("bench-u"), keyed.stream("bench-i")
_HELD_OUT, _RANK, _RATIO = keyed.stream("heldout"), keyed.stream("rank"), keyed.stream("ratio")
_SHARE_HELD_OUT = 0.2


class DatasetAbsent(RuntimeError):
    """A dataset that isn't at hand; the message says where it was looked for."""


@dataclass(frozen=True)
class Dataset:
    """Distinct pairs of subject and item; rows count from 0."""

    name: str
    subject_keys: Tensor
    """int64 [n], ascending."""
    item_keys: Tensor
    """int64 [m], ascending."""
    train: Edges
    held_out: Edges
    times: Tensor | None
    """Of the training pairs, in seconds since 1970, int64; None where the data has none."""

    def to(self, device: torch.device | str) -> "Dataset":
        """The same data there."""
        return Dataset(
            self.name,
            self.subject_keys.to(device),
            self.item_keys.to(device),
            self.train.to(device),
            self.held_out.to(device),
            None if self.times is None else self.times.to(device),
        )

    def ranks(self) -> Tensor:
        """Place of every training pair on its subject's slider, float64 in [0, 1)."""
        return keyed.uniform(self.subject_keys[self.train.subjects], self.item_keys[self.train.items], _RANK)

    def shared(self, ratio: float | Tensor) -> SharedData:
        """What the server gets where subjects share this ratio: one for all, or float [n]."""
        ratios = torch.as_tensor(ratio, dtype=torch.float64, device=self.subject_keys.device)
        ratios = ratios.expand(len(self.subject_keys))
        shared = self.ranks() < ratios[self.train.subjects]
        return SharedData(self.subject_keys, self.item_keys, self.train.where(shared))

    def mixed_ratios(self) -> Tensor:
        """A ratio of 0, 20, 50, 80 or 100 % for each subject, drawn by key; float64 [n]."""
        steps = torch.tensor([0.0, 0.2, 0.5, 0.8, 1.0], dtype=torch.float64, device=self.subject_keys.device)
        return steps[keyed.integers(5, self.subject_keys, _RATIO)]


def load(name: str) -> Dataset:
    """Read a dataset by name.

    Raises:
        DatasetAbsent: it isn't at hand.
        KeyError: no dataset has this name; see `DATASETS`.
    """
    return DATASETS[name]()


def _ml_100k() -> Dataset:
    try:
        path = movielens.fetch(_CACHE)
    except movielens.FetchFailed as error:
        raise DatasetAbsent(f"MovieLens-100K: {error}") from error
    options = pyarrow.csv.ParseOptions(delimiter="\t")
    table = pyarrow.csv.read_csv(path, parse_options=options)
    users, items, _, times = (table.column(place).to_numpy() for place in range(4))
    return _split("ml-100k", users.astype(np.int64), items.astype(np.int64), times.astype(np.int64))


def _ml_1m() -> Dataset:
    return _given("ml-1m")


def _gowalla() -> Dataset:
    return _given("gowalla")


def _online_retail() -> Dataset:
    """Ten-core, as in the studies that this project compares with: customers and items with ten partners or more."""
    table = pyarrow.parquet.read_table(_file("online_retail", "transactions"))
    known = pyarrow.compute.is_valid(table["CustomerID"]).combine_chunks()
    table = table.filter(pyarrow.compute.and_(known, pyarrow.compute.greater(table["Quantity"], 0)))
    users = table["CustomerID"].to_numpy().astype(np.int64)
    items = np.unique(table["StockCode"].to_numpy().astype(str), return_inverse=True)[1]
    times = table["InvoiceDate"].to_numpy().astype(str).astype("datetime64[s]").astype(np.int64)
    order = np.lexsort((times, items, users))
    users, items, times = users[order], items[order], times[order]
    first = np.r_[True, (users[1:] != users[:-1]) | (items[1:] != items[:-1])]
    return _split("online-retail", *_core(users[first], items[first], times[first], 10))


DATASETS: dict[str, Callable[[], Dataset]] = {
    "ml-100k": _ml_100k,
    "ml-1m": _ml_1m,
    "online-retail": _online_retail,
    "gowalla": _gowalla,
}


def _file(folder: str, name: str) -> Path:
    path = _FOLDER / folder / f"{name}.parquet"
    if not path.exists():
        raise DatasetAbsent(f"{path.relative_to(_FOLDER)} is not in the folder of datasets (FEDSHARE_DATA)")
    return path


def _given(name: str) -> Dataset:
    """A dataset with a published split."""
    parts = {part: pyarrow.parquet.read_table(_file(name, part)) for part in ("train", "test")}
    users, items = (
        np.concatenate([parts[part].column(column).to_numpy() for part in ("train", "test")]).astype(np.int64)
        for column in ("user", "item")
    )
    held_out = np.arange(len(users)) >= parts["train"].num_rows
    return _keyed(name, users, items, held_out, None)


def _split(name: str, users: NDArray[np.int64], items: NDArray[np.int64], times: NDArray[np.int64]) -> Dataset:
    """A dataset of which a fifth is held out, by key."""
    held_out = keyed.uniform(torch.from_numpy(users), torch.from_numpy(items), _HELD_OUT) < _SHARE_HELD_OUT
    return _keyed(name, users, items, held_out.numpy(), times)


def _keyed(
    name: str,
    users: NDArray[np.int64],
    items: NDArray[np.int64],
    held_out: NDArray[np.bool_],
    times: NDArray[np.int64] | None,
) -> Dataset:
    subject_keys, subjects = _rows(users, _SUBJECT)
    item_keys, item_rows = _rows(items, _ITEM)
    order = np.lexsort((item_rows, subjects))
    subjects, item_rows, held_out = subjects[order], item_rows[order], held_out[order]
    pairs = Edges(torch.from_numpy(subjects), torch.from_numpy(item_rows))
    mask = torch.from_numpy(held_out)
    return Dataset(
        name,
        subject_keys,
        item_keys,
        pairs.where(~mask),
        pairs.where(mask),
        None if times is None else torch.from_numpy(times[order][~held_out]),
    )


def _rows(names: NDArray[np.int64], purpose: int) -> tuple[Tensor, NDArray[np.int64]]:
    """Ascending keys of the distinct names, and the row of every occurrence."""
    distinct, inverse = np.unique(names, return_inverse=True)
    keys, order = torch.sort(keyed.mix(torch.from_numpy(distinct), purpose))
    return keys, np.argsort(order.numpy())[inverse]


def _core(
    users: NDArray[np.int64], items: NDArray[np.int64], times: NDArray[np.int64], least: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Drop users and items with fewer partners, until none is left that has."""
    while True:
        enough = (np.bincount(users)[users] >= least) & (np.bincount(items)[items] >= least)
        if enough.all():
            return users, items, times
        users, items, times = users[enough], items[enough], times[enough]
