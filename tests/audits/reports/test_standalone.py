"""The verifier as a package of its own."""

import subprocess
import sys
import zipfile

import pytest

from audits.evidence.keys import log_verifier_key
from deploy.verifier.build import build
from tests.audits.reports.sample import sample_register, signed_report

pytestmark = pytest.mark.django_db

_WITHOUT_THE_SERVICE = """
import sys

class Refuse:
    def find_spec(self, name, *rest):
        if name.split(".")[0] in ("django", "torch", "psycopg", "weasyprint", "matplotlib"):
            raise ImportError(name)

sys.meta_path.insert(0, Refuse())
sys.path.insert(0, {installed!r})
from audits.reports.verify.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def test_it_holds_what_it_needs_and_nothing_of_the_service(tmp_path):
    wheel = build(tmp_path)
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "installed")
    assert not [name for name in names if "model" in name.split("/")[-1] or "migrations" in name]
    report = tmp_path / "report.pdf"
    report.write_bytes(signed_report(sample_register()))
    program = _WITHOUT_THE_SERVICE.format(installed=str(tmp_path / "installed"))
    done = subprocess.run(
        [sys.executable, "-I", "-c", program, str(report), "--log-key", log_verifier_key(), "--json"],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert '"sound": true' in done.stdout
