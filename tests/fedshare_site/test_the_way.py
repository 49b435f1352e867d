"""The whole way: a private PostgreSQL, real processes, real HTTP, on a small dataset made here."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

from tests.worlds import write_interactions

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def var(tmp_path_factory):
    folder = tmp_path_factory.mktemp("way")
    folder.chmod(0o755)
    return folder / "var"


def _environment(var: Path) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("DJANGO", "FEDSHARE", "DATABASE"))
    }
    # Two programs that each spin on both cores slow each other down many times.
    threads = {"OMP_NUM_THREADS": "1"} if "PYTEST_XDIST_WORKER" in os.environ else {}
    return kept | threads | {"FEDSHARE_VAR": str(var), "COLUMNS": "160"}


def _demo(var: Path, *arguments: str) -> subprocess.Popen[str]:
    interactions = write_interactions(var.parent / "small.inter")
    return subprocess.Popen(
        [sys.executable, "manage.py", "demo", "--interactions", str(interactions), "--port", "8700", *arguments],
        cwd=ROOT, env=_environment(var), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def _left_behind(var: Path) -> list[list[str]]:
    """Processes that still have to do with this run."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        try:
            command, environment = process.info["cmdline"] or [], process.info["environ"] or {}
        except psutil.Error:
            continue
        if str(var) in " ".join(command) or environment.get("FEDSHARE_VAR") == str(var):
            found.append(command)
    return found


def test_from_a_file_to_verified_reports(var):
    demo = _demo(var, "--no-serve")
    output, _ = demo.communicate(timeout=300)
    assert demo.returncode == 0, output
    assert re.search(r"FedShare\s+recall@20 0\.\d+\s+NDCG@20 0\.\d+", output)
    reports = [Path(line.split()[-1]) for line in output.splitlines() if re.match(r"\s+(slider|erasure|batch)-", line)]
    assert len(reports) == 3
    for report in reports:
        checked = subprocess.run(
            [sys.executable, "-m", "audits.reports.verify", str(report), "--log-key", str(var / "keys" / "log.vkey")],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert checked.returncode == 0, checked.stdout
    table = output[output.index("Requests") :]
    assert len(re.findall(r"(?<=│ )(exact|equivalent)(?= +│)", table)) == 3
    assert _left_behind(var) == []


def test_a_second_run_serves_until_ctrl_c_and_leaves_no_process(var):
    demo = _demo(var)
    try:
        lines = []
        for line in demo.stdout:
            lines.append(line)
            if "Ctrl-C ends it" in line:
                break
        said = "".join(lines)
        signed_in = re.search(r"Dashboard: (\S+)/ .*password (\S+)", said)
        assert signed_in, said
        address, password = signed_in.groups()
        with httpx.Client(base_url=address, follow_redirects=True, timeout=30) as officer:
            page = officer.get("/").text
            token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
            form = {"username": "officer", "password": password, "csrfmiddlewaretoken": token}
            officer.post("/sign-in/", data=form, headers={"Referer": address})
            page = officer.get("/requests/?show=all").text
            assert page.count('class="state completed"') == 6  # three requests of each run
            download = officer.get(re.search(r'href="(/requests/[^"]+report\.pdf)"', page)[1])
            assert download.content.startswith(b"%PDF-")
        assert len(_left_behind(var)) > 4
    finally:
        demo.send_signal(signal.SIGINT)
        rest, _ = demo.communicate(timeout=60)
    assert demo.returncode == 0, rest
    deadline = time.monotonic() + 10
    while _left_behind(var) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert _left_behind(var) == []


def test_nothing_personal_is_in_the_logs_of_the_processes(var):
    logs = "".join(path.read_text() for path in (var / "log").glob("*.log"))
    assert "carries out request" in logs
    assert not re.search(r"\bu\d{1,3}\b", logs)
