"""Freezing what was shared into a dataset that can be learned from and committed to."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import torch
from django.db import connection
from numpy.typing import NDArray

from audits.evidence.sealing import new_key
from audits.evidence.tlog.merkle import leaf_hash, root_of
from models_engine.fedshare.data import Edges, SharedData, rows_of
from models_engine.fedshare.model import Model
from models_engine.registry.models import ModelVersion
from unlearning.lineage.models import Dataset, Interaction, Item, Subject

Keys = NDArray[np.int64]

_ROW = np.dtype([("fields", ">i2"), ("a", ">i4"), ("subject", ">i8"), ("b", ">i4"), ("item", ">i8")])
_HEADER_BYTES, _FRAME_BYTES = 19, 21
"""Of PostgreSQL's binary COPY: before the rows, and around them."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of subject and item by learning key, apart from any dataset."""

    subjects: Keys
    items: Keys

    def edges(self, data: SharedData) -> Edges:
        """The pairs by row of `data`; every one must be there."""
        rows = Edges(
            rows_of(torch.from_numpy(self.subjects), data.subject_keys),
            rows_of(torch.from_numpy(self.items), data.item_keys),
        )
        if (rows.subjects < 0).any() or (rows.items < 0).any():
            raise ValueError("a pair names a subject or an item that is not in the data")
        return rows


def shared_data(as_of: datetime, also: Sequence[Pairs] = (), like: Model | None = None) -> SharedData:
    """The training data as of a moment: live rows shared by then, and withdrawn ones given beside.

    Subjects, items and edges are ordered by learning key, so that the same data always gives the
    same tensors. Subjects who share nothing are part of it: their devices learn as well.

    Args:
        also: withdrawn pairs that are no longer live.
        like: take subjects and items from this model instead of the tables.
    """
    if like is None:
        present = Subject.objects.filter(erased_at=None).values_list("learning_key", flat=True)
        subjects = torch.tensor(sorted(present), dtype=torch.int64)
        items = torch.tensor(sorted(Item.objects.values_list("learning_key", flat=True)), dtype=torch.int64)
    else:
        subjects, items = like.subject_keys, like.item_keys
    pairs = np.concatenate([_live(as_of), *(np.stack([p.subjects, p.items], 1) for p in also)])
    rows = Edges(
        rows_of(torch.from_numpy(pairs[:, 0].copy()), subjects), rows_of(torch.from_numpy(pairs[:, 1].copy()), items)
    )
    known = rows.where((rows.subjects >= 0) & (rows.items >= 0))
    # Each once, ordered by learning key, as rows are.
    codes = torch.unique(known.codes(len(items)))
    return SharedData(subjects, items, Edges(codes // len(items), codes % len(items)))


def _live(as_of: datetime) -> NDArray[np.int64]:
    """Learning keys of the rows that were shared by then, [rows, 2], with repetitions.

    By binary COPY, whose rows of two numbers are all of one length: ten million in seconds.
    """
    rows = Interaction.objects.filter(shared_from__lte=as_of, held_out=False).values_list(
        "subject__learning_key", "item__learning_key"
    )
    sql, values = rows.query.sql_with_params()
    with connection.cursor() as cursor, cursor.copy(f"COPY ({sql}) TO STDOUT (FORMAT BINARY)", values) as out:
        content = b"".join(bytes(block) for block in out)
    table = np.frombuffer(content, _ROW, offset=_HEADER_BYTES, count=(len(content) - _FRAME_BYTES) // _ROW.itemsize)
    return np.stack([table["subject"], table["item"]], 1).astype(np.int64)


def salted_root(data: SharedData, salt: bytes) -> str:
    """Merkle root (RFC 6962) over HMAC(salt, subject key || item key) of every pair, in hexadecimal."""
    pairs = torch.stack([data.subject_keys[data.edges.subjects], data.item_keys[data.edges.items]], 1)
    raw = pairs.numpy().astype(">i8").tobytes()
    leaves = [leaf_hash(hmac.digest(salt, raw[start : start + 16], "sha256")) for start in range(0, len(raw), 16)]
    return root_of(leaves).hex()


@dataclass(frozen=True)
class Commitment:
    """To the data that a version learned from: its root under a fresh salt. Seconds of work for millions of pairs."""

    salt: bytes
    root: str
    subjects: int
    pairs: int

    @classmethod
    def to(cls, data: SharedData) -> "Commitment":
        """Compute it; outside of a transaction, which others would wait for."""
        salt = new_key()
        return cls(salt, salted_root(data, salt), data.n_subjects, len(data.edges))


def record_dataset(version: ModelVersion, commitment: Commitment, as_of: datetime) -> Dataset:
    """Record what a version learned from."""
    return Dataset.objects.create(version=version, as_of=as_of, **vars(commitment))


def versions_since(shared_from: datetime) -> list[tuple[int, datetime]]:
    """Row ids of the versions that learned from rows shared since then and still exist, and as of when they learned."""
    found = ModelVersion.objects.filter(dataset__as_of__gte=shared_from, destroyed_at=None)
    return list(found.values_list("pk", "dataset__as_of"))
