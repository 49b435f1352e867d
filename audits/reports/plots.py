"""Plots as SVG: one renderer for reports and dashboard, deterministic, readable in black and white."""

import io
import re
from collections.abc import Sequence
from typing import Any

import matplotlib
from django.utils.translation import gettext
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from audits.reports import numbers
from audits.reports.wording import STATISTICS

STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#6b7280",
    "axes.labelcolor": "#1f2937",
    "text.color": "#1f2937",
    "xtick.color": "#4b5563",
    "ytick.color": "#4b5563",
    "svg.fonttype": "path",
    "svg.hashsalt": "fedshare",
}
_TICKS = FuncFormatter(lambda value, _: numbers.short(round(value, 6)))
INK, ACCENT, MUTED = "#111827", "#0f766e", "#9ca3af"
_LINES = (ACCENT, INK, ACCENT, INK)
_DASHES = ("-", "-", (0, (4, 2)), (0, (4, 2)))


def score_distributions(histogram: dict[str, Any]) -> str:
    """How the withdrawn pairs score in models that know them, after forgetting, and in models that never did."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(6.6, 2.3), layout="constrained")
        axes = figure.add_subplot()
        edges = histogram["edges"]
        axes.stairs(
            histogram["references"], edges, fill=True, color="#e5e7eb", label=gettext("models that never saw the data")
        )
        axes.stairs(
            histogram["known"],
            edges,
            color=INK,
            linestyle=(0, (4, 2)),
            linewidth=1.2,
            label=gettext("models that know the data"),
        )
        axes.stairs(histogram["after"], edges, color=ACCENT, linewidth=1.6, label=gettext("after forgetting"))
        axes.set_xlabel(gettext("margin of a withdrawn pair over comparable items (standard deviations)"))
        axes.set_ylabel(gettext("share of pairs"))
        axes.xaxis.set_major_formatter(_TICKS)
        axes.yaxis.set_major_formatter(_TICKS)
        figure.legend(frameon=False, loc="outside upper right", ncols=3)
        return as_svg(figure)


def residual_influence(membership: list[dict[str, Any]], margin: float) -> str:
    """ρ of each statistic with its interval, against the margin; 1 is nothing done."""
    return influences([(str(STATISTICS[member["name"]]), member["influence"]) for member in membership], margin)


def influences(rows: list[tuple[str, dict[str, float | None]]], margin: float) -> str:
    """ρ with its interval under each label, against the margin; 1 is nothing done."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(6.6, 0.75 + 0.32 * len(rows)), layout="constrained")
        axes = figure.add_subplot()
        axes.axvspan(-margin, margin, color="#ccfbf1", lw=0)
        axes.axvline(0, color=MUTED, lw=0.8)
        axes.axvline(1, color=INK, lw=0.8, linestyle=(0, (4, 2)))
        low, high = -1.25, 1.75
        beyond = 0.06  # room for the arrows, beside the labels
        for place, (_, influence) in enumerate(reversed(rows)):
            _interval(axes, place, influence, low, high)
        axes.set_yticks(range(len(rows)), [label for label, _ in reversed(rows)])
        axes.set_xlim(low - beyond, high + beyond)
        axes.set_ylim(-0.7, len(rows) - 0.3)
        axes.set_xlabel(
            gettext("residual influence ρ (0: never knew, 1: nothing done; shaded: ±{margin})").format(
                margin=f"{margin:g}"
            )
        )
        axes.tick_params(axis="y", length=0)
        axes.xaxis.set_major_formatter(_TICKS)
        return as_svg(figure)


def operating_curves(curves: dict[str, list[float]], rhos: Sequence[float], margin: float) -> str:
    """How often a check calls it removed, by the influence that there truly is: one line for each label."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(6.6, 2.6), layout="constrained")
        axes = figure.add_subplot()
        axes.axvspan(-margin, margin, color="#ccfbf1", lw=0)
        for (label, chances), dashes, color in zip(curves.items(), _DASHES, _LINES, strict=False):
            axes.plot(rhos, chances, color=color, linestyle=dashes, lw=1.6, label=label)
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlim(rhos[0], rhos[-1])
        axes.set_xlabel(
            gettext("residual influence ρ that there truly is (shaded: the margin, ±{margin})").format(
                margin=f"{margin:g}"
            )
        )
        axes.set_ylabel(gettext("chance of “removed”, at most"))
        axes.xaxis.set_major_formatter(_TICKS)
        axes.yaxis.set_major_formatter(_TICKS)
        figure.legend(frameon=False, loc="outside upper right", ncols=2)
        return as_svg(figure)


def _interval(axes: Axes, row: int, interval: dict[str, float | None], low: float, high: float) -> None:
    """A line with a dot; arrows where it leaves the picture."""
    left = low if interval["low"] is None else max(low, interval["low"])
    right = high if interval["high"] is None else min(high, interval["high"])
    axes.plot([left, right], [row, row], color=ACCENT, lw=1.6, solid_capstyle="butt")
    for end, marker in ((left, "<"), (right, ">")):
        if end in (low, high):
            axes.plot([end], [row], marker=marker, color=ACCENT, ms=5, clip_on=False)
    estimate = interval["estimate"]
    if estimate is not None and low < estimate < high:
        axes.plot([estimate], [row], marker="o", color=ACCENT, ms=5)


def as_svg(figure: Figure) -> str:
    """The figure without anything that differs from one run to the next."""
    buffer = io.StringIO()
    FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None, "Creator": None})
    # Without the XML declaration and doctype it can stand inside HTML.
    text = buffer.getvalue()
    return _without_styles(text[text.index("<svg") :])


def _without_styles(svg: str) -> str:
    """The same, with presentation attributes in place of styles, which a strict content security policy forbids."""
    svg = re.sub(r"\s*<defs>\s*<style.*?</style>\s*</defs>", "", svg, count=1, flags=re.DOTALL)
    svg = svg.replace("<svg ", '<svg stroke-linejoin="round" stroke-linecap="butt" ', 1)
    return re.sub(r' style="([^"]*)"', lambda found: _attributes(found[1]), svg)


def _attributes(style: str) -> str:
    pairs = (one.partition(":") for one in style.split(";") if one.strip())
    return "".join(f' {name.strip()}="{value.strip()}"' for name, _, value in pairs)
