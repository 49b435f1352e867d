"""The way that the withdrawn data had gone, drawn from left to right; what is gone now is dashed and crossed out."""

from typing import Any

import matplotlib
from django.utils.translation import gettext, ngettext
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from audits.reports.plots import INK, MUTED, STYLE, as_svg

_WIDTH, _HEIGHT = 1.62, 0.62
_STEP = 2.05
_MOST_VERSIONS = 3
"""Older ones are counted, not drawn."""


def drawn(document: dict[str, Any]) -> str:
    """The lineage of an evidence document as SVG."""
    request, lineage, method = document["request"], document["lineage"], document["method"]
    subjects = ngettext("{n} subject", "{n} subjects", len(request["subjects"])).format(n=len(request["subjects"]))
    rows = ngettext("{n} record", "{n} records", request["rows_removed"]).format(n=request["rows_removed"])
    reached = lineage["versions_reached"]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(6.6, 2.2), layout="constrained")
        axes = figure.add_subplot()
        axes.set_axis_off()
        axes.set_xlim(-_WIDTH / 2 - 0.05, 3 * _STEP + _WIDTH / 2 + 0.05)
        axes.set_ylim(-1.55, 1.15)
        erased = request["kind"] == "erase"
        _box(axes, 0, 0.5, subjects, gettext("keys destroyed") if erased else gettext("consent withdrawn"), gone=erased)
        _box(axes, 1, 0.5, rows, gettext("shared"), gone=True)
        _box(
            axes,
            2,
            0.5,
            gettext("data, {n} pairs").format(n=lineage["pairs_before"]),
            _root(lineage["data_root_before"]),
            gone=True,
        )
        _box(axes, 3, 0.5, _versions(lineage), _digest(reached), gone=True)
        _box(axes, 1, -1.1, gettext("sealed records"), gettext("for this request alone"), gone=True)
        _box(
            axes,
            2,
            -1.1,
            gettext("data, {n} pairs").format(n=lineage["pairs_after"]),
            _root(lineage["data_root_after"]),
        )
        name = f"{lineage['recommender']} v{method['version']}"
        _box(axes, 3, -1.1, name, _root(method["model_after"]), serving=True)
        for start, end in (((0, 0.5), (1, 0.5)), ((1, 0.5), (2, 0.5)), ((2, 0.5), (3, 0.5))):
            _arrow(axes, start, end, sideways=True)
        for start, end in (((1, 0.5), (1, -1.1)), ((2, 0.5), (2, -1.1)), ((3, 0.5), (3, -1.1))):
            _arrow(axes, start, end, sideways=False)
        _arrow(axes, (2, -1.1), (3, -1.1), sideways=True)
        return as_svg(figure)


def _versions(lineage: dict[str, Any]) -> str:
    numbers = [one["version"] for one in lineage["versions_reached"]]
    if not numbers:
        return gettext("no version")
    listed = ", ".join(f"v{number}" for number in numbers[-_MOST_VERSIONS:])
    more = len(numbers) - _MOST_VERSIONS
    return f"{lineage['recommender']} {listed}" + (f" (+{more})" if more > 0 else "")


def _digest(reached: list[dict[str, Any]]) -> str:
    return _root(reached[-1]["model"]) if reached else ""


def _root(digest: str) -> str:
    return f"{digest[:12]}…"


def _box(axes: Axes, column: int, y: float, title: str, below: str, gone: bool = False, serving: bool = False) -> None:
    x = column * _STEP
    axes.add_patch(
        FancyBboxPatch(
            (x - _WIDTH / 2, y - _HEIGHT / 2),
            _WIDTH,
            _HEIGHT,
            boxstyle="round,pad=0.0,rounding_size=0.08",
            facecolor="#e5e7eb" if serving else "white",
            edgecolor=MUTED if gone else INK,
            linewidth=1.6 if serving else 1.0,
            linestyle=(0, (4, 2)) if gone else "solid",
        )
    )
    colour = "#4b5563" if gone else INK
    axes.text(x, y + 0.1, title, ha="center", va="center", fontsize=7.5 if len(title) < 20 else 6.2, color=colour)
    axes.text(x, y - 0.14, below, ha="center", va="center", fontsize=6.2, color="#4b5563")
    if gone:
        corner = (x + _WIDTH / 2, y + _HEIGHT / 2)
        axes.plot(*corner, marker="x", ms=7, mew=1.6, color=INK, clip_on=False)


def _arrow(axes: Axes, start: tuple[int, float], end: tuple[int, float], sideways: bool) -> None:
    gap = _WIDTH / 2 if sideways else _HEIGHT / 2
    (x0, y0), (x1, y1) = (start[0] * _STEP, start[1]), (end[0] * _STEP, end[1])
    ends = ((x0 + gap, y0), (x1 - gap, y1)) if sideways else ((x0, y0 - gap), (x1, y1 + gap))
    axes.add_patch(FancyArrowPatch(*ends, arrowstyle="-|>", mutation_scale=8, color=INK, lw=0.8, shrinkA=2, shrinkB=2))
