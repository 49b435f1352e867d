"""How numbers of the evidence document are written, in the language that is active."""

from django import template

from audits.reports import numbers

register = template.Library()


@register.filter
def interval(value: dict[str, float | None], places: int = 2) -> str:
    """`0.03 [-0.11, 0.15]`; an unbounded end is written ∞."""
    low, high, estimate = value["low"], value["high"], value["estimate"]
    written = "–" if estimate is None else numbers.decimal(estimate, places)
    ends = (
        "−∞" if low is None else numbers.decimal(low, places),
        "∞" if high is None else numbers.decimal(high, places),
    )
    # A comma that separates decimals can't separate the ends.
    separator = "; " if "," in numbers.decimal(0.5, 1) else ", "
    return f"{written} [{separator.join(ends)}]"


@register.filter
def p_value(value: float) -> str:
    """`= 0.013`, or `< 0.001`."""
    return f"< {numbers.decimal(0.001, 3)}" if value < 0.001 else f"= {numbers.decimal(value, 3)}"


@register.filter
def percent(value: float) -> str:
    """A share as whole percent."""
    return numbers.percent(value)
