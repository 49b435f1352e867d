"""What the checks raise."""


class CheckFailed(ValueError):
    """A check that does not hold; the message says why."""
