"""The private PostgreSQL."""

import json
import subprocess
import sys

_START = (
    "import os, sys; from pathlib import Path; from fedshare_site.embedded import database_url; "
    "database_url(Path(sys.argv[1])); {}"
)


def _run(folder, ending: str) -> int:
    command = [sys.executable, "-c", _START.format(ending), str(folder)]
    return subprocess.run(command, check=False, timeout=60).returncode


def test_a_process_that_was_killed_does_not_keep_the_server_for_ever(tmp_path):
    tmp_path.chmod(0o755)
    users = tmp_path / "postgres" / ".handle_pids.json"
    assert _run(tmp_path, "os._exit(9)") == 9
    assert len(json.loads(users.read_text())) == 1
    assert (tmp_path / "postgres" / "postmaster.pid").exists()
    assert _run(tmp_path, "") == 0
    assert json.loads(users.read_text()) == []
    assert not (tmp_path / "postgres" / "postmaster.pid").exists()
