"""How numbers of the evidence document are written."""

from django import template

register = template.Library()


@register.filter
def interval(value: dict[str, float | None], places: int = 2) -> str:
    """`0.03 [-0.11, 0.15]`; an unbounded end is written ∞."""
    low, high, estimate = value["low"], value["high"], value["estimate"]
    written = "–" if estimate is None else f"{estimate:.{places}f}"
    ends = "-∞" if low is None else f"{low:.{places}f}", "∞" if high is None else f"{high:.{places}f}"
    text = f"{written} [{ends[0]}, {ends[1]}]"
    return text.replace("-", "−")


@register.filter
def p_value(value: float) -> str:
    """`= 0.013`, or `< 0.001`."""
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"


@register.filter
def percent(value: float) -> str:
    """A share as whole percent."""
    return f"{100 * value:.0f} %"
