"""Tables with the target beside each figure, on the terminal and as JSON."""

import argparse
import json
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One measured number."""

    what: str
    value: str
    target: str = ""
    met: bool | None = None
    """None where there is no target."""


def options(description: str) -> argparse.ArgumentParser:
    """The flags that every benchmark has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here as well")
    parser.add_argument("--device", type=torch.device, default="cpu", help="where the models learn, such as `cuda`")
    return parser


def show(title: str, rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> None:
    """Print rows; cells are text already."""
    table = Table(title=title, title_justify="left")
    for name in columns:
        table.add_column(name, no_wrap=True)
    for row in rows:
        table.add_row(*(str(row.get(name, "")) for name in columns))
    Console(width=200).print(table)


def markdown(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> str:
    """The same table for a page of the docs."""
    lines = ["| " + " | ".join(columns) + " |", "| " + " | ".join("---" for _ in columns) + " |"]
    return "\n".join(lines + ["| " + " | ".join(str(row[name]) for name in columns) + " |" for row in rows])


def show_figures(title: str, figures: Sequence[Figure]) -> None:
    """Print figures beside their targets."""
    rows = [asdict(figure) | {"met": {True: "yes", False: "NO", None: ""}[figure.met]} for figure in figures]
    show(title, rows, ["what", "value", "target", "met"])


def now(device: torch.device) -> float:
    """Seconds on a clock that waits for what the device still has to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def name_of(device: torch.device) -> str:
    """What it is called."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} threads"


def write(path: Path | None, content: dict[str, Any]) -> None:
    """Write what was measured, and on what."""
    if path is not None:
        about = {"machine": platform.machine(), "threads": torch.get_num_threads(), "torch": torch.__version__}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"about": about, **content}, indent=1) + "\n")
