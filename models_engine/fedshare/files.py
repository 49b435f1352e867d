"""Named tensors in a place, each set with a manifest that must be met again on reading."""

import hashlib
import json
from typing import Any

from safetensors.torch import load, save
from torch import Tensor

from models_engine.fedshare.places import Place

_MANIFEST = ".json"


class StateFileError(ValueError):
    """A file of tensors that is missing, damaged or not the one expected; the message says what to do."""


class StateFiles:
    """Sets of tensors by label. A set is there whole or not at all, also after a kill."""

    def __init__(self, place: Place):
        self.place = place

    def __contains__(self, label: str) -> bool:
        return self.place.read(f"{label}{_MANIFEST}") is not None

    def holds(self, label: str, about: dict[str, Any]) -> bool:
        """Whether a set is here that was written with this manifest."""
        manifest = self._manifest(label)
        return manifest is not None and manifest["about"] == about

    def write(self, label: str, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
        """Write a set; `about` is what `read` asks for again (JSON values)."""
        content = save({name: tensor.contiguous() for name, tensor in tensors.items()})
        digest = hashlib.sha256(content).hexdigest()
        before = self._manifest(label)
        self.place.write(_file(digest), content)
        # The manifest names the file by its digest, so that replacing the manifest is the one moment of change.
        manifest = json.dumps({"sha256": digest, "about": about}, sort_keys=True)
        self.place.write(f"{label}{_MANIFEST}", manifest.encode())
        if before is not None and before["sha256"] != digest:
            self._remove(before["sha256"])

    def read(self, label: str, about: dict[str, Any]) -> dict[str, Tensor]:
        """Read a set back.

        Raises:
            StateFileError: it is missing, `about` is not what it was written with, or a byte has changed.
        """
        manifest = self._manifest(label)
        if manifest is None:
            raise StateFileError(f"there is no {label} here: start from the beginning")
        for name, value in about.items():
            if manifest["about"].get(name) != value:
                raise StateFileError(
                    f"{label} was written with another {name} ({manifest['about'].get(name)}, now {value}): "
                    "give that one, or start from the beginning in another folder"
                )
        content = self.place.read(_file(manifest["sha256"])) or b""
        if hashlib.sha256(content).hexdigest() != manifest["sha256"]:
            raise StateFileError(f"{label} is damaged (its SHA-256 is not the one on record): remove it, start again")
        return load(content)

    def drop(self, label: str) -> None:
        """Remove a set, if it is there."""
        manifest = self._manifest(label)
        if manifest is not None:
            self.place.remove(f"{label}{_MANIFEST}")
            self._remove(manifest["sha256"])

    def bytes(self) -> int:
        """Size of everything here."""
        return sum(len(self.place.read(name) or b"") for name in self.place.names())

    def _remove(self, digest: str) -> None:
        """Remove a file, unless another label has the same content."""
        labels = [name.removesuffix(_MANIFEST) for name in self.place.names() if name.endswith(_MANIFEST)]
        manifests = [self._manifest(label) for label in labels]
        if all(manifest is None or manifest["sha256"] != digest for manifest in manifests):
            self.place.remove(_file(digest))

    def _manifest(self, label: str) -> dict[str, Any] | None:
        content = self.place.read(f"{label}{_MANIFEST}")
        if content is None:
            return None
        try:
            manifest = json.loads(content)
            return {"sha256": str(manifest["sha256"]), "about": dict(manifest["about"])}
        except (ValueError, KeyError, TypeError) as error:
            raise StateFileError(f"the manifest of {label} is damaged: remove it, start again") from error


def _file(digest: str) -> str:
    return f"{digest}.safetensors"
