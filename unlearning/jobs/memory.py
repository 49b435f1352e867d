"""Too little memory, said as such."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from unlearning.jobs import troubles

_ON_A_PROCESSOR = "can't allocate memory"
"""What torch says there, in a `RuntimeError` like any other."""


@contextmanager
def told_when_short() -> Iterator[None]:
    """Raise a MemoryError that says what to do where memory runs out, in torch as well."""
    try:
        yield
    except MemoryError as error:
        raise MemoryError(troubles.MEMORY) from error
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError) or _ON_A_PROCESSOR in str(error):
            raise MemoryError(troubles.MEMORY) from error
        raise
