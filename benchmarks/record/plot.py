"""Cost by size."""

import io

from matplotlib.figure import Figure

from benchmarks.record.stored import Step


def by_size(steps: list[Step]) -> str:
    """Four small pictures over the number of rows, as SVG."""
    figure = Figure(figsize=(9, 2.4), layout="constrained")
    millions = [step.rows / 1e6 for step in steps]
    drawn = (
        ("import, COPY (1,000 rows/s)", [[s.imported / 1e3 for s in steps], [s.copied / 1e3 for s in steps]]),
        ("lineage, p99 (ms)", [[1e3 * s.lineage_p99 for s in steps]]),
        ("freezing (s)", [[s.freezing for s in steps]]),
        ("slider, p99 (ms)", [[1e3 * s.slider_p99 for s in steps]]),
    )
    for axes, (title, lines) in zip(figure.subplots(1, len(drawn)), drawn, strict=True):
        for line, style in zip(lines, ("-o", "--s"), strict=False):
            axes.plot(millions, line, style, color="#0f766e", markersize=3)
        axes.set_title(title, fontsize=8)
        axes.set_xlabel("million rows", fontsize=8)
        axes.set_ylim(bottom=0)
        axes.tick_params(labelsize=7)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()
