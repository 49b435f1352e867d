"""Two at work: what is made next is prepared while the one before is used."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Made = TypeVar("Made")
_END = object()


def ahead(made: Iterator[Made]) -> Iterator[Made]:
    """The same in the same order, made by a thread that is one ahead; it must not use the database's connection."""
    with ThreadPoolExecutor(1) as preparing:
        following = preparing.submit(next, made, _END)
        while (one := following.result()) is not _END:
            following = preparing.submit(next, made, _END)
            yield one  # type: ignore[misc]  (the mark of the end is told above)
