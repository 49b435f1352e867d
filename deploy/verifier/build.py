"""Build the offline verifier as a package of its own: `python deploy/verifier/build.py FOLDER`.

It holds the very modules that `audits.reports.verify` imports here, and nothing else of the service.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = Path("audits/evidence/schema")

_IMPORTED = """
import json, sys
import audits.reports.verify.__main__
print(json.dumps([m.__file__ for n, m in sys.modules.items() if n.split(".")[0] == "audits"]))
"""


def build(folder: Path) -> Path:
    """The wheel, in a folder, which is made if it isn't there."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as temporary:
        package = Path(temporary)
        for file in _modules():
            target = package / file.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
        shutil.copytree(ROOT / SCHEMAS, package / SCHEMAS)
        for name in ("pyproject.toml", "README.md"):
            shutil.copy(Path(__file__).parent / name, package)
        shutil.copy(ROOT / "LICENSE", package)
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), "."]
        subprocess.run(command, cwd=package, check=True)
    (wheel,) = folder.glob("fedshare_verify-*.whl")
    return wheel


def _modules() -> list[Path]:
    """Files of the modules that the verifier imports."""
    listed = subprocess.run([sys.executable, "-c", _IMPORTED], cwd=ROOT, check=True, capture_output=True, text=True)
    return [Path(file) for file in json.loads(listed.stdout)]


if __name__ == "__main__":
    print(build(Path(sys.argv[1])))
