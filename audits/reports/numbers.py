"""Numbers as the language that is active writes them."""

from django.utils.formats import number_format

_MINUS, _NO_BREAK = "−", "\N{NO-BREAK SPACE}"


def decimal(value: float, places: int) -> str:
    """`0.50`, or `0,50`."""
    return number_format(f"{value:.{places}f}", use_l10n=True).replace("-", _MINUS)


def short(value: float) -> str:
    """As few digits as it needs, up to six."""
    return number_format(f"{value:g}", use_l10n=True).replace("-", _MINUS)


def percent(share: float) -> str:
    """A share as whole percent."""
    return f"{100 * share:.0f}{_NO_BREAK}%"
