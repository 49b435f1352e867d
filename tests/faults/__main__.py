"""`python -m tests.faults`: break it, look whether everything holds, and print what came of it."""

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from collections import defaultdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from tests.faults.brokers import BROKERS, available
from tests.faults.house import LEASE, House, environment, small_disk

_SEED = 20261125
_END_SECONDS = 180
_SUBJECTS_EACH, _STAYING = 2, 150
_SWEEP_SECONDS = 15


def main() -> None:
    """Run over every broker, each in a process of its own; exit code 1 if anything did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of the runs; 1: all of them")
    parser.add_argument("--broker", choices=list(BROKERS), help="one alone")
    parser.add_argument("--fault", help="one alone, such as `crash_postgres`")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run here as well")
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was built is taken down again
    if options.into:
        options.into.write_text(json.dumps(_break(options.broker, options.share, options.fault)))
        return
    names = [options.broker] if options.broker else available()
    for name in set(BROKERS) - set(names):
        print(f"{name}: not installed, or not asked for: skipped")
    runs: list[dict[str, Any]] = []
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            into = Path(folder) / "runs.json"
            command = [sys.executable, "-m", "tests.faults", "--broker", name, "--into", str(into)]
            command += ["--share", str(options.share / len(names))]
            command += ["--fault", options.fault] if options.fault else []
            subprocess.run(command, check=True)
            runs += json.loads(into.read_text())
    if options.json:
        options.json.write_text(json.dumps(runs, indent=1))
    sys.exit(_tell(runs))


def _break(name: str, share: float, fault: str | None) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="fedshare-faults-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        broker = BROKERS[name](folder if name == "folder" else folder / name)
        os.environ |= environment(folder, broker)
        with small_disk(folder) as disk_can_fill:
            import django

            django.setup()
            try:
                broker.start()
                return _runs(House(folder, broker), share, fault, disk_can_fill)
            finally:
                broker.stop()


def _runs(house: House, share: float, alone: str | None, disk_can_fill: bool) -> list[dict[str, Any]]:
    from tests.faults import world
    from tests.faults.faults import FAULTS, missing

    order = random.Random(_SEED)
    chosen = {fault: times for fault, times in FAULTS.items() if alone in (None, fault.__name__)}
    if not chosen:
        sys.exit(f"--fault: there is no {alone}; there are {', '.join(fault.__name__ for fault in FAULTS)}")
    planned = [fault for fault, times in chosen.items() for _ in range(max(1, round(times * share)))]
    order.shuffle(planned)
    for fault in {fault for fault in planned if missing(fault, disk_can_fill)}:
        print(f"{fault.__name__}: {missing(fault, disk_can_fill)}: skipped")
    planned = [fault for fault in planned if not missing(fault, disk_can_fill)]
    names = world.settle(_SUBJECTS_EACH * len(planned) + _STAYING)
    done = []
    with house.running(), Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(f"{house.broker.name}: {len(planned)} faults", total=len(planned))
        for number, fault in enumerate(planned):
            subjects = names[_SUBJECTS_EACH * number : _SUBJECTS_EACH * (number + 1)]
            done.append(_run(house, fault, number, subjects))
            bar.update(task, advance=1)
    left = house.left_running()
    if left:
        done[-1]["wrong"] += [f"still running: {command}" for command in left]
    return done


def _run(house: House, fault: Any, number: int, subjects: list[str]) -> dict[str, Any]:
    from django.db import connection

    from tests.faults import checks
    from tests.faults.faults import Scene, wait_for
    from unlearning.lineage.subjects import find_subjects
    from unlearning.requests.models import Request

    keys = [subject.learning_key for subject in find_subjects(subjects)]
    scene = Scene(house, random.Random(_SEED + number), subjects, f"fault-{number}")
    wrong: list[str] = []
    try:
        fault(scene)
        wait_for(lambda: Request.objects.filter(pk=scene.request, completed_at__isnull=False).exists(), _END_SECONDS)
    except Exception as error:  # the others are still to be run
        traceback.print_exc()
        wrong.append(f"{type(error).__name__}: {error}")
    ended = time.monotonic()
    connection.close()
    deadline = ended + _SWEEP_SECONDS  # what a kill left is swept away, but not at once
    while (left := checks.left_of(subjects, keys, house.var)) and time.monotonic() < deadline:
        time.sleep(0.5)
    wrong += [f"left: {place}" for place in left]
    wrong += checks.unsound()
    return {
        "broker": house.broker.name,
        "fault": fault.__name__.replace("_", " "),
        "lost": checks.lost([scene.request]) if scene.request else [scene.external_id],
        "duplicated": checks.duplicated(),
        "wrong": wrong,
        "seconds": ended - scene.struck_at,
        "taken_up": scene.taken_up,
    }


def _tell(runs: list[dict[str, Any]]) -> int:
    from benchmarks.report import show

    by_fault = defaultdict(list)
    for run in runs:
        by_fault[run["fault"]].append(run)
    rows = []
    for fault, found in by_fault.items():
        taken_up = [run["taken_up"] for run in found if run["taken_up"] is not None]
        rows.append(
            {
                "fault": fault,
                "runs": len(found),
                "lost": sum(len(run["lost"]) for run in found),
                "duplicated": sum(len(run["duplicated"]) for run in found),
                "otherwise wrong": sum(bool(run["wrong"]) for run in found),
                "median s to the end": f"{statistics.median(run['seconds'] for run in found):.1f}",
                "taken up after, s": f"{statistics.median(taken_up):.1f} ({max(taken_up):.1f})" if taken_up else "",
            }
        )
    show(f"Faults (lease: {LEASE:.0f} s)", rows, list(rows[0]))
    for run in runs:
        for text in (*run["lost"], *run["duplicated"], *run["wrong"]):
            print(f"{run['broker']}, {run['fault']}: {text}")
    held = not any(run["lost"] or run["duplicated"] or run["wrong"] for run in runs)
    print(f"{len(runs)} runs: {'everything held' if held else 'NOT everything held'}. Seed {_SEED}.")
    return 0 if held else 1


if __name__ == "__main__":
    main()
