"""Interactions of invented customers, a slice at a time, from a fixed seed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np

from unlearning.lineage.importing.reading import InteractionTable

_FIRST = datetime(2024, 1, 1, tzinfo=UTC)
_DAYS = 600
_SKEW = 0.8
SEED = 20261124


def identity(number: int) -> str:
    """What a customer is registered under."""
    return f"customer-{number:06d}"


def item(number: int) -> str:
    """An item's external id."""
    return f"sku-{number:05d}"


def slices(rows: int, each: int, subjects: int, items: int) -> Iterator[InteractionTable]:
    """Tables of `each` rows; popular items are drawn more often, and no row stands twice."""
    generator = np.random.default_rng(SEED)
    weights = 1 / np.arange(1, items + 1) ** _SKEW
    weights /= weights.sum()
    names, skus = [identity(n) for n in range(subjects)], [item(n) for n in range(items)]
    for start in range(0, rows, each):
        chosen = generator.choice(items, each, p=weights)
        who = generator.integers(0, subjects, each)
        # Milliseconds that no other row has, so that every row is new.
        times = [_FIRST + timedelta(days=_DAYS * (start + n) / rows, milliseconds=n % 997) for n in range(each)]
        yield InteractionTable([names[n] for n in who], [skus[n] for n in chosen], times, None)
