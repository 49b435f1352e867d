"""The dashboard's plots, by the renderer of the reports; transparent, so that they lie on light and dark."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import matplotlib
import matplotlib.dates
from django.http import HttpRequest, HttpResponse
from django.utils import formats
from django.utils.translation import gettext as _
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from audits.reports.plots import ACCENT, INK, MUTED, STYLE, as_svg
from audits.reports.wording import CONCLUSION_NAMES, VERDICTS
from unlearning.lineage.tracing import Forward

_CALM = STYLE | {"figure.facecolor": "none", "axes.facecolor": "none", "axes.axisbelow": True}
_MOST_VERSIONS = 8
"""In the drawing of a lineage, the latest; the table beside it has all."""
_HALF = 5.0
"""Inches, of a plot that stands beside another."""
_PALE = "#99d5cf"
_WARM = "#b45309"
_COLOR = re.compile(r"#[0-9a-f]{6}\b")
_DARK = {
    INK: "#e6ebf2",
    ACCENT: "#4fd1c1",
    MUTED: "#7d8ba0",
    _PALE: "#2b7f78",
    _WARM: "#f2b95c",
    "#1f2937": "#e6ebf2",
    "#4b5563": "#9caabd",
    "#6b7280": "#5b6a7f",
    "#e5e7eb": "#2a3546",
    "#ccfbf1": "#163f3b",
    "#000000": "#e6ebf2",
    "#ffffff": "none",
}
"""Of the reports' colours, those that are seen on a dark page."""
_CONCLUSIONS = {"exact": ACCENT, "equivalent": _PALE, "certified": MUTED}
_VERDICTS = {
    "removed_within_margin": ACCENT,
    "not_testable": _PALE,
    "inconclusive": MUTED,
    "residual_influence": _WARM,
    "over_forgotten": INK,
}


def answer(http: HttpRequest, svg: str) -> HttpResponse:
    """A plot as a picture that nobody else keeps; with `dark` in the address, in colours for a dark page."""
    if "dark" in http.GET:
        svg = _COLOR.sub(lambda found: _DARK.get(found[0], found[0]), svg)
    return HttpResponse(svg, content_type="image/svg+xml", headers={"Cache-Control": "private, max-age=30"})


def conclusions(rows: Sequence[dict[str, Any]]) -> str:
    """How many requests ended in each week: by conclusion, and by the verdict of their last check."""
    with matplotlib.rc_context(_CALM):
        figure = Figure(figsize=(_HALF, 3.2), layout="constrained")
        upper, lower = figure.subplots(2, sharex=True)
        for axes, colors, names, title in (
            (upper, _CONCLUSIONS, CONCLUSION_NAMES, _("conclusion")),
            (lower, _VERDICTS, VERDICTS, _("last verdict")),
        ):
            _stacked(axes, rows, colors, names)
            axes.set_ylabel(title)
            axes.legend(frameon=False, fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
        _by_week(lower, [row["week"] for row in rows])
        return as_svg(figure)


def _stacked(axes: Axes, rows: Sequence[dict[str, Any]], colors: dict[str, str], names: dict[str, Any]) -> None:
    places, bottom = range(len(rows)), [0] * len(rows)
    for name, color in colors.items():
        counts = [row[name] for row in rows]
        axes.bar(places, counts, bottom=bottom, color=color, width=0.7, label=str(names[name]))
        bottom = [low + count for low, count in zip(bottom, counts, strict=True)]
    axes.set_ylim(0, max(4, *bottom))
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))


def consent(rows: Sequence[dict[str, Any]]) -> str:
    """The mean share ratio at each week's end, over how many raised theirs and lowered it."""
    with matplotlib.rc_context(_CALM):
        figure = Figure(figsize=(_HALF, 2.3), layout="constrained")
        upper, lower = figure.subplots(2, sharex=True, height_ratios=[3, 2])
        places = range(len(rows))
        upper.plot(places, [row["mean"] for row in rows], color=ACCENT, lw=1.8, marker="o", ms=3)
        upper.set_ylim(0, 100)
        upper.yaxis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:.0f} %"))
        upper.set_ylabel(_("mean share"))
        lower.bar(places, [row["raised"] for row in rows], color=_PALE, width=0.7, label=_("shared more"))
        lower.bar(places, [-row["lowered"] for row in rows], color=_WARM, width=0.7, label=_("shared less"))
        most = max(4, *(max(row["raised"], row["lowered"]) for row in rows))
        lower.set_ylim(-most, most)
        lower.axhline(0, color=MUTED, lw=0.8)
        lower.yaxis.set_major_locator(MaxNLocator(3, integer=True))
        lower.yaxis.set_major_formatter(FuncFormatter(lambda value, _place: f"{abs(value):.0f}"))
        lower.set_ylabel(_("decisions"))
        _by_week(lower, [row["week"] for row in rows])
        figure.legend(frameon=False, loc="outside upper right", ncols=2)
        return as_svg(figure)


def history(events: Sequence[tuple[datetime, int]], shared: Sequence[datetime], now: datetime) -> str:
    """A subject's share ratio over time, over how many of their interactions were shared since when.

    Args:
        events: moment and percent, in order.
        shared: since when each interaction that is shared now is, in order.
    """
    with matplotlib.rc_context(_CALM):
        figure = Figure(figsize=(6.6, 2.8), layout="constrained")
        upper, lower = figure.subplots(2, sharex=True, height_ratios=[3, 2])
        moments = [at for at, _percent in events] + [now]
        percents = [percent for _at, percent in events]
        upper.step(moments, [*percents, percents[-1]], where="post", color=ACCENT, lw=1.8)
        upper.fill_between(moments, [*percents, percents[-1]], step="post", color=_PALE, alpha=0.35, lw=0)
        upper.plot(moments[:-1], percents, "o", color=ACCENT, ms=3.5)
        upper.set_ylim(0, 105)
        upper.yaxis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:.0f} %"))
        upper.set_ylabel(_("share ratio"))
        counts = range(1, len(shared) + 1)
        lower.step([*shared, now], [*counts, len(shared)], where="post", color=INK, lw=1.4)
        lower.set_ylim(0, max(4, len(shared) * 1.15))
        lower.yaxis.set_major_locator(MaxNLocator(3, integer=True))
        lower.set_ylabel(_("shared rows"))
        lower.xaxis.set_major_locator(MaxNLocator(5))
        lower.xaxis.set_major_formatter(FuncFormatter(_as_day))
        return as_svg(figure)


def training(losses: Sequence[Sequence[float]]) -> str:
    """The loss of a training, round by round."""
    with matplotlib.rc_context(_CALM):
        figure = Figure(figsize=(6.6, 2.2), layout="constrained")
        axes = figure.add_subplot()
        axes.plot([at for at, _loss in losses], [loss for _at, loss in losses], color=ACCENT, lw=1.6)
        axes.set_xlabel(_("round"))
        axes.set_ylabel(_("loss"))
        axes.set_ylim(bottom=0)
        return as_svg(figure)


def lineage(found: Forward, requests: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Where a subject's data went: from what is shared, to the versions that learned it; and what was taken back.

    Args:
        requests: name of each, and the versions that had learned from what it took back.
    """
    versions = [(f"{one.recommender} v{one.version}", one) for one in found.reached[-_MOST_VERSIONS:]]
    known = {name for name, _one in versions}
    further = sorted({name for _request, reached in requests for name in reached} - known)[-_MOST_VERSIONS:]
    nodes = [*versions, *((name, None) for name in further)]
    height = max(len(nodes), len(requests), 1)
    with matplotlib.rc_context(_CALM):
        figure = Figure(figsize=(6.6, 0.2 + 0.6 * height), layout="constrained")
        axes = figure.add_subplot()
        axes.set_axis_off()
        axes.set_xlim(-0.05, 3.07)
        axes.set_ylim(-0.5, height - 0.5)
        middle = (height - 1) / 2
        _box(axes, 0, middle, _("{n} rows shared now").format(n=found.shared), solid=True)
        heights = {
            name: height - 1 - place * (height - 1) / max(1, len(nodes) - 1) for place, (name, _n) in enumerate(nodes)
        }
        for name, one in nodes:
            carries = one is not None and one.carries
            says = _("carries {n}").format(n=one.interactions) if carries else _("destroyed, or forgot")
            _box(axes, 1.15, heights[name], f"{name}\n{says}", solid=carries)
            if one is not None:
                _arrow(axes, (0.78, middle), (1.15, heights[name]), solid=carries)
        for place, (name, reached) in enumerate(requests):
            level = height - 1 - place * (height - 1) / max(1, len(requests) - 1)
            _box(axes, 2.3, level, name, solid=False)
            for version in heights.keys() & set(reached):
                _arrow(axes, (2.3, level), (1.93, heights[version]), solid=False)
        return as_svg(figure)


def _box(axes: Axes, x: float, y: float, text: str, *, solid: bool) -> None:
    patch = FancyBboxPatch(
        (x, y - 0.3), 0.72, 0.6, boxstyle="round,pad=0.02", linewidth=1.0, facecolor="none",
        edgecolor=ACCENT if solid else MUTED, linestyle="-" if solid else (0, (3, 2)), mutation_aspect=0.6,
    )  # fmt: skip
    axes.add_patch(patch)
    axes.text(x + 0.36, y, text, ha="center", va="center", fontsize=7, color=INK)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], *, solid: bool) -> None:
    style = {"arrowstyle": "-|>", "color": ACCENT if solid else MUTED, "lw": 1.0, "linestyle": "-" if solid else "--"}
    axes.annotate("", end, start, arrowprops=style)


def _by_week(axes: Axes, weeks: Sequence[datetime]) -> None:
    labels = [formats.date_format(week, "MONTH_DAY_FORMAT") for week in weeks]
    axes.set_xticks(range(0, len(weeks), 3), labels[::3])


def _as_day(value: float, _place: int) -> str:
    return formats.date_format(matplotlib.dates.num2date(value), "SHORT_DATE_FORMAT")
