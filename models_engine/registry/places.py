"""Where this installation keeps state: in its own folders, or in a bucket that its machines share."""

from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages

from models_engine.fedshare.places import Folder, Place


def place(folder: Path) -> Place:
    """The folder, or what stands for it in the bucket where there is one (`FEDSHARE_S3_BUCKET`)."""
    return Shared(storages["work"], folder.name) if settings.FEDSHARE_S3_BUCKET else Folder(folder)


class Shared:
    """A part of a storage in which a write replaces a whole object, as S3's do; see `models_engine.fedshare.places`."""

    def __init__(self, storage: Storage, prefix: str):
        self._storage, self._prefix = storage, prefix

    def read(self, name: str) -> bytes | None:
        """See `Place`."""
        try:
            with self._storage.open(self._path(name)) as file:
                return bytes(file.read())
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """See `Place`."""
        self._storage.save(self._path(name), ContentFile(content))

    def remove(self, name: str) -> None:
        """See `Place`."""
        self._storage.delete(self._path(name))

    def names(self) -> list[str]:
        """See `Place`."""
        return sorted(name for name in self._storage.listdir(self._prefix)[1] if name)

    def parts(self) -> list[str]:
        """See `Place`."""
        return sorted(self._storage.listdir(self._prefix)[0])

    def part(self, name: str) -> "Shared":
        """See `Place`."""
        return Shared(self._storage, self._path(name))

    def touched(self) -> datetime | None:
        """See `Place`."""
        times = [self._storage.get_modified_time(self._path(name)) for name in self.names()]
        times += [at for at in (self.part(name).touched() for name in self.parts()) if at is not None]
        return max(times, default=None)

    def clear(self) -> None:
        """See `Place`."""
        for name in self.names():
            self.remove(name)
        for name in self.parts():
            self.part(name).clear()

    def sweep(self) -> None:
        """See `Place`. Nothing: an object that was not written to its end is not there."""

    def _path(self, name: str) -> str:
        return f"{self._prefix}/{name}"
