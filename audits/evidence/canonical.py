"""JSON with one spelling."""

import json
import math
from typing import Any


def canonical_json(value: Any) -> bytes:
    """UTF-8 JSON with sorted keys, no spaces, and no number that JSON can't carry.

    For the values used here (strings, integers, finite floats, lists, objects with ASCII keys) this
    is RFC 8785, but for the exponent form of very large and very small numbers.

    Raises:
        ValueError: a float is NaN or infinite.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def finite(number: float) -> float | None:
    """The number, or None where JSON has no spelling for it (an unbounded interval's end)."""
    return number if math.isfinite(number) else None
