"""JSON with one spelling."""

import json
import math
from typing import Any

import rfc8785


def canonical_json(value: Any) -> bytes:
    """The value in the JSON Canonicalization Scheme (RFC 8785).

    Raises:
        ValueError: a float is NaN or infinite, an integer is beyond ±(2^53 - 1), or a value is no JSON.
    """
    return rfc8785.dumps(value)


def finite(number: float) -> float | None:
    """The number, or None where JSON has no spelling for it (an unbounded interval's end)."""
    return number if math.isfinite(number) else None


def parse_json(content: bytes | str) -> Any:
    """What `canonical_json` wrote; floats that were written without a fraction stay numbers that it can write again.

    Raises:
        ValueError: it is no JSON.
    """
    return json.loads(content, parse_int=_number)


def _number(digits: str) -> int | float:
    value = int(digits)
    return value if abs(value) < 2**53 else float(digits)
