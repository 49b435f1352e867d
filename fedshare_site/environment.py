"""Values of the environment, checked where they are read."""

import math
import os

from django.core.exceptions import ImproperlyConfigured


def seconds(name: str, default: float, least: float, most: float) -> float:
    """A number of seconds.

    Raises:
        ImproperlyConfigured: it is none, or out of bounds.
    """
    text = os.environ.get(name, "")
    try:
        value = float(text) if text else float(default)
    except ValueError:
        value = math.nan
    if not least <= value <= most:  # neither does NaN
        raise ImproperlyConfigured(f"{name}: give a number of seconds from {least:g} to {most:g}, not {text!r}")
    return value
