"""Audit results as JSON values of the evidence document, and back. Unbounded numbers become null."""

import math
from dataclasses import asdict, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from audits.evidence.canonical import finite
from audits.verification.results import AuditResult, Measured
from audits.verification.statistics.intervals import Interval


def as_json(result: Any) -> dict[str, Any]:
    """A result, which is a dataclass, and everything in it, as JSON values."""
    return _finite(asdict(result))


def audit_as_json(result: AuditResult) -> dict[str, Any]:
    """Every number of a check; verdict and reason stand beside it in the document."""
    values = as_json(result)
    del values["verdict"], values["reason"]
    return values | values.pop("measured")


def measured_from_json(values: dict[str, Any]) -> Measured:
    """The tests of a check, as the verdict's table reads them.

    Raises:
        ValueError, KeyError, TypeError: these are no measurements.
    """
    return _built(Measured, values)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return finite(value)
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value


def _built(kind: Any, value: Any) -> Any:
    """A value of an annotated type, from JSON values."""
    if kind is Interval:
        ends = {"low": -math.inf, "high": math.inf}
        return Interval(**{name: ends.get(name, math.nan) if v is None else v for name, v in value.items()})
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{field.name: _built(hints[field.name], value[field.name]) for field in fields(kind)})
    if get_origin(kind) is tuple:
        return tuple(_built(get_args(kind)[0], inner) for inner in value)
    if isinstance(kind, UnionType):
        (inner,) = (option for option in get_args(kind) if option is not NoneType)
        return None if value is None else _built(inner, value)
    return value
