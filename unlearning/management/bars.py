"""Progress bars of the command line."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn


@contextmanager
def stage(title: str, console: Console | None = None) -> Iterator[Callable[[float], None]]:
    """A bar with its time. Gives a function to call with the finished fraction, 0 to 1."""
    with _bars(console) as progress:
        task = progress.add_task(escape(f"{title:<44}"), total=1.0)
        yield lambda fraction: progress.update(task, completed=fraction)
        progress.update(task, completed=1.0)


@contextmanager
def phases() -> Iterator[Callable[[str, float], None]]:
    """A bar for each phase of a job. Gives a function to call with the phase and its finished fraction."""
    with _bars(None) as progress:
        tasks: dict[str, TaskID] = {}

        def show(phase: str, fraction: float) -> None:
            if phase not in tasks:
                for earlier in tasks.values():
                    progress.update(earlier, completed=1.0)
                tasks[phase] = progress.add_task(escape(f"{phase.capitalize():<44}"), total=1.0)
            progress.update(tasks[phase], completed=fraction)

        yield show
        for task in tasks.values():
            progress.update(task, completed=1.0)


def _bars(console: Console | None) -> Progress:
    columns = (
        SpinnerColumn(finished_text="[green]✓"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console or Console(stderr=True))
