"""MovieLens-100K, from where a package registry has it: inside the wheel of RecBole 1.2.1.

GroupLens allows its use for research; nothing of it is part of this project.
"""

import subprocess
import sys
import zipfile
from pathlib import Path

_WHEEL = "recbole==1.2.1"
_MEMBER = "recbole/dataset_example/ml-100k/ml-100k.inter"


class FetchFailed(RuntimeError):
    """The wheel can't be had; the message says what to do."""


def fetch(folder: Path) -> Path:
    """The interactions file, downloaded on first use."""
    target = folder / "ml-100k.inter"
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), _WHEEL]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("recbole-1.2.1-*.whl"))
    if done.returncode or not wheels:
        raise FetchFailed(
            f"`pip download --no-deps {_WHEEL}` failed. Put a file of interactions at hand instead: "
            "make demo INTERACTIONS=FILE"
        )
    with zipfile.ZipFile(wheels[0]) as wheel:
        content = wheel.read(_MEMBER)
    temporary = target.with_suffix(".part")
    temporary.write_bytes(content)
    temporary.rename(target)
    wheels[0].unlink()
    return target
