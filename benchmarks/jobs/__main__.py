"""`python -m benchmarks.jobs [--quick] [--broker folder|redis|rabbitmq] [--json FILE]`"""

import os
import tempfile
from pathlib import Path

from rich.console import Console

from benchmarks import report
from benchmarks.report import Figure
from benchmarks.service import join_service
from tests.faults.brokers import BROKERS, available

_PROCESSES = (1, 2, 4)
_STAYING = 150
_MOST_MILLISECONDS = 20
_FULL_SPEED = 0.95
"""Of the acceptance with a worker beside; less is slower than what one run differs from the next."""


def main() -> None:
    """Run it."""
    options = report.options(__doc__)
    options.add_argument("--broker", choices=list(BROKERS), default=available()[-1], help="default: the last there is")
    chosen = options.parse_args()
    jobs = 100 if chosen.quick else 1000
    requests = 20 if chosen.quick else 1000
    with tempfile.TemporaryDirectory(prefix="fedshare-bench-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        broker = BROKERS[chosen.broker](folder if chosen.broker == "folder" else folder / chosen.broker)
        os.environ |= {
            "FEDSHARE_VAR": str(folder / "var"),
            "CELERY_BROKER_URL": broker.url,
            "FEDSHARE_BATCH_WINDOW": "0",
            "FEDSHARE_RATE": "0",
            "OMP_NUM_THREADS": "1",
        }
        for name in ("FEDSHARE_KEYS", "DATABASE_URL"):
            os.environ.pop(name, None)
        try:
            broker.start()
            figures = _measure(chosen.broker, jobs, requests)
        finally:
            broker.stop()
    report.show_figures("Jobs", figures)
    report.write(chosen.json, {"figures": [vars(figure) for figure in figures], "broker": chosen.broker})


def _measure(broker: str, jobs: int, requests: int) -> list[Figure]:
    join_service()
    from benchmarks.jobs import draining
    from tests.faults import world
    from unlearning.management.bars import stage

    names = world.settle(len(_PROCESSES) * requests + requests // 2 + _STAYING)
    console = Console(stderr=True)
    figures = []
    for processes in _PROCESSES:
        with stage(f"Drain {jobs} empty jobs, {processes} processes", console) as progress:
            drained = draining.drain_empty(jobs, processes, progress)
        target = processes == 1
        figures.append(
            Figure(
                f"{jobs} empty jobs over {broker}, {processes} worker process{'es' * (processes > 1)}",
                f"{drained.seconds:.1f} s, {drained.milliseconds:.1f} ms a job",
                f"≤ {_MOST_MILLISECONDS} ms a job" if target else "",
                drained.milliseconds <= _MOST_MILLISECONDS if target else None,
            )
        )
    beside = draining.accept(_taken(names, requests // 2), "beside", 1)
    per_second = beside.sent / beside.seconds
    figures.append(Figure("accepted over HTTP, a worker beside", f"{per_second:.0f} a second"))
    with stage("Let them end", console) as progress:
        draining.drain_requests(1, progress)
    for processes in _PROCESSES:
        alone = draining.accept(_taken(names, requests), f"alone-{processes}", 0)
        with stage(f"Drain {requests} requests, {processes} processes", console) as progress:
            lost, seconds = draining.drain_requests(processes, progress)
        ratio = alone.sent / alone.seconds / per_second
        figures += [
            Figure(
                f"{alone.sent} accepted with no worker",
                f"{alone.sent / alone.seconds:.0f} a second, {ratio:.2f} of the speed with one",
                f"≥ {_FULL_SPEED}",
                ratio >= _FULL_SPEED,
            ),
            Figure(
                f"drained by {processes} worker process{'es' * (processes > 1)} that came later",
                f"{seconds:.0f} s, {1000 * seconds / requests:.0f} ms a request; {lost} lost",
                "0 lost",
                lost == 0,
            ),
        ]
    return figures


def _taken(names: list[str], count: int) -> list[str]:
    """So many customers, who are gone from the list then."""
    taken, names[:] = names[:count], names[count:]
    return taken


if __name__ == "__main__":
    main()
