"""Where state is kept: a folder of this machine, or what several machines share (`models_engine.registry.places`)."""

import os
import shutil
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import psutil

_HOST = socket.gethostname()


class Place(Protocol):
    """Named pieces of bytes. A piece is there whole or not at all, also after a kill."""

    def read(self, name: str) -> bytes | None:
        """A piece; None if it is not there."""

    def write(self, name: str, content: bytes) -> None:
        """Put a piece there, in place of what has its name."""

    def remove(self, name: str) -> None:
        """Remove a piece, if it is there."""

    def names(self) -> list[str]:
        """Of the pieces that lie here, without those in parts."""

    def parts(self) -> list[str]:
        """Names of the parts in which something lies."""

    def part(self, name: str) -> "Place":
        """A place within this one."""

    def touched(self) -> datetime | None:
        """When something here, or in a part, was last written; None if there is nothing."""

    def clear(self) -> None:
        """Remove everything here, and in the parts."""

    def sweep(self) -> None:
        """Remove what a process left that was killed while it wrote."""


class Folder:
    """A folder of this machine, or of a disk that machines share; a write is a rename."""

    def __init__(self, path: Path):
        self.path = path

    def read(self, name: str) -> bytes | None:
        """See `Place`."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """See `Place`. It is on the disk when this returns."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = self.path / f".{name}.{_HOST}.{os.getpid()}.tmp"
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path / name)

    def remove(self, name: str) -> None:
        """See `Place`."""
        (self.path / name).unlink(missing_ok=True)

    def names(self) -> list[str]:
        """See `Place`."""
        if not self.path.exists():
            return []
        return sorted(one.name for one in self.path.iterdir() if one.is_file() and not one.name.startswith("."))

    def parts(self) -> list[str]:
        """See `Place`."""
        return sorted(one.name for one in self.path.iterdir() if one.is_dir()) if self.path.exists() else []

    def part(self, name: str) -> "Folder":
        """See `Place`."""
        return Folder(self.path / name)

    def touched(self) -> datetime | None:
        """See `Place`."""
        times = [one.stat().st_mtime for one in self.path.rglob("*") if one.is_file()]
        return datetime.fromtimestamp(max(times), UTC) if times else None

    def clear(self) -> None:
        """See `Place`."""
        shutil.rmtree(self.path, ignore_errors=True)

    def sweep(self) -> None:
        """See `Place`. Of this machine's processes: whether another's still run can't be told from here."""
        for one in self.path.glob(f".*.{_HOST}.*.tmp"):
            if not psutil.pid_exists(int(one.name.split(".")[-2])):
                one.unlink(missing_ok=True)
