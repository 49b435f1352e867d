"""Keyed randomness: every random number is a hash of what it is for, never the next of a stream.

Leaving a subject or an interaction out of the data therefore changes no other draw, which is what
makes "retrained without the data" one reproducible object.
"""

import math

import torch
from torch import Tensor

_MULTIPLIERS = (-0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15)  # SplitMix64, as signed 64-bit
_GOLDEN = -0x61C8864680B583EB


def _shift_right(x: Tensor, bits: int) -> Tensor:
    """Logical right shift of signed 64-bit integers."""
    return (x >> bits).bitwise_and_((1 << (64 - bits)) - 1)


def _finalize(x: Tensor) -> Tensor:
    """SplitMix64 finalizer (Steele, Lea, Flood, OOPSLA 2014), elementwise on int64, in place."""
    x.bitwise_xor_(_shift_right(x, 30)).mul_(_MULTIPLIERS[0])
    x.bitwise_xor_(_shift_right(x, 27)).mul_(_MULTIPLIERS[1])
    return x.bitwise_xor_(_shift_right(x, 31))


def stream(name: str) -> int:
    """The constant that keeps draws made for different purposes apart."""
    return int.from_bytes(name.encode()[:8].ljust(8, b"\0"), "big") >> 1


def mix(*parts: Tensor | int) -> Tensor:
    """Hash integers (broadcast against each other) to one int64 tensor."""
    tensors = [part for part in parts if isinstance(part, Tensor)]
    device = tensors[0].device if tensors else None
    return extend(torch.zeros((), dtype=torch.int64, device=device), *parts)


def extend(mixed: Tensor, *parts: Tensor | int) -> Tensor:
    """Go on hashing: `extend(mix(a, b), c)` is `mix(a, b, c)`; what stays from round to round is hashed once."""
    for part in parts:
        mixed = _finalize((mixed ^ part).add_(_GOLDEN))
    return mixed


def unit(mixed: Tensor) -> Tensor:
    """Float64 in [0, 1) for each hash."""
    return _shift_right(mixed, 11).to(torch.float64).mul_(2.0**-53)


def uniform(*parts: Tensor | int) -> Tensor:
    """Float64 in [0, 1) for each hashed element."""
    return unit(mix(*parts))


def integers(upper: int, *parts: Tensor | int) -> Tensor:
    """Int64 in [0, upper) for each hashed element (bias below upper / 2^53)."""
    return (uniform(*parts) * upper).to(torch.int64)


def normal(width: int, rows: Tensor, *parts: Tensor | int) -> Tensor:
    """Standard normal float32 of shape [rows, width], by Box-Muller on keyed uniforms.

    Args:
        rows: int64 [rows], the stable key of each row.
        parts: what else the draw depends on, int64 [rows] or a number.
    """
    columns = torch.arange(width, device=rows.device)
    broadcast = [part[:, None] if isinstance(part, Tensor) else part for part in (rows, *parts)]
    radius = torch.sqrt(-2.0 * torch.log1p(-uniform(*broadcast, columns, 0)))
    return (radius * torch.cos(2.0 * math.pi * uniform(*broadcast, columns, 1))).to(torch.float32)
