"""JSON as RFC 8259 has it, each name once: what Python alone would take is malformed."""

import json
from typing import Any, NoReturn


class Malformed(ValueError):
    """It is no JSON; the message says why, and repeats nothing of it."""


def parse(content: bytes) -> Any:
    """The value in UTF-8 text.

    Raises:
        Malformed: why.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("the body must be in UTF-8") from None
    try:
        value = json.loads(text, object_pairs_hook=_each_name_once, parse_constant=_no_constant)
        # Half a surrogate pair can be read, and neither stored nor written.
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise Malformed("nested too deeply") from None
    except UnicodeEncodeError:
        raise Malformed("it holds half a surrogate pair") from None
    except json.JSONDecodeError as error:
        raise Malformed(f"{error.msg.rstrip(':')} at line {error.lineno}, column {error.colno}") from None
    except ValueError as error:
        raise Malformed(str(error)) from None
    return value


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
