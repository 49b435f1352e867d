"""Named tensors in a folder, each set with a manifest that must be met again on reading."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from safetensors.torch import load, save
from torch import Tensor


class StateFileError(ValueError):
    """A file of tensors that is missing, damaged or not the one expected; the message says what to do."""


class StateFolder:
    """Sets of tensors by label. A set is there whole or not at all, also after a kill."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __contains__(self, label: str) -> bool:
        return self._manifest_path(label).exists()

    def holds(self, label: str, about: dict[str, Any]) -> bool:
        """Whether a set is here that was written with this manifest."""
        return label in self and self._manifest(label)["about"] == about

    def write(self, label: str, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
        """Write a set; `about` is what `read` asks for again (JSON values)."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        content = save({name: tensor.contiguous() for name, tensor in tensors.items()})
        digest = hashlib.sha256(content).hexdigest()
        before = self._manifest(label)["sha256"] if label in self else None
        _replace(self.folder / f"{digest}.safetensors", content)
        # The manifest names the file by its digest, so that replacing the manifest is the one moment of change.
        _replace(self._manifest_path(label), json.dumps({"sha256": digest, "about": about}, sort_keys=True).encode())
        if before not in (None, digest):
            self._remove(before)

    def read(self, label: str, about: dict[str, Any]) -> dict[str, Tensor]:
        """Read a set back.

        Raises:
            StateFileError: it is missing, `about` is not what it was written with, or a byte has changed.
        """
        if label not in self:
            raise StateFileError(f"there is no {label} in {self.folder}: start from the beginning")
        manifest = self._manifest(label)
        for name, value in about.items():
            if manifest["about"].get(name) != value:
                raise StateFileError(
                    f"{label} was written with another {name} ({manifest['about'].get(name)}, now {value}): "
                    "give that one, or start from the beginning in another folder"
                )
        path = self.folder / f"{manifest['sha256']}.safetensors"
        content = path.read_bytes() if path.exists() else b""
        if hashlib.sha256(content).hexdigest() != manifest["sha256"]:
            raise StateFileError(f"{label} is damaged (its SHA-256 is not the one on record): remove it, start again")
        return load(content)

    def drop(self, label: str) -> None:
        """Remove a set, if it is there."""
        if label in self:
            digest = self._manifest(label)["sha256"]
            self._manifest_path(label).unlink()
            self._remove(digest)

    def bytes(self) -> int:
        """Size of everything here."""
        return sum(path.stat().st_size for path in self.folder.glob("*")) if self.folder.exists() else 0

    def _remove(self, digest: str) -> None:
        """Remove a file, unless another label has the same content."""
        if all(json.loads(path.read_text())["sha256"] != digest for path in self.folder.glob("*.json")):
            (self.folder / f"{digest}.safetensors").unlink(missing_ok=True)

    def _manifest_path(self, label: str) -> Path:
        return self.folder / f"{label}.json"

    def _manifest(self, label: str) -> dict[str, Any]:
        try:
            return json.loads(self._manifest_path(label).read_text())
        except ValueError as error:
            raise StateFileError(f"the manifest of {label} is damaged: remove it, start again") from error


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
