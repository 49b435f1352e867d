"""A folder, and a bucket that machines share: the same promises."""

import subprocess
import sys
from socket import gethostname

import pytest
import torch
from storages.backends.s3 import S3Storage

from models_engine.fedshare.files import StateFileError, StateFiles
from models_engine.fedshare.places import Folder
from models_engine.registry.places import Shared
from tests.s3 import s3_server


@pytest.fixture(scope="module")
def bucket():
    with s3_server() as options:
        yield S3Storage(**options, location="work", file_overwrite=True)


@pytest.fixture(params=["folder", "bucket"])
def place(request, tmp_path):
    if request.param == "folder":
        return Folder(tmp_path / "here")
    return Shared(request.getfixturevalue("bucket"), request.node.name)


def test_what_is_written_is_read_replaced_and_removed(place):
    assert (place.read("a.bin"), place.names(), place.parts()) == (None, [], [])
    place.write("a.bin", b"one")
    place.write("a.bin", b"two")
    assert (place.read("a.bin"), place.names()) == (b"two", ["a.bin"])
    place.remove("a.bin")
    place.remove("a.bin")
    assert (place.read("a.bin"), place.names()) == (None, [])


def test_parts_are_apart_and_go_with_the_whole(place):
    place.part("one").write("a.bin", b"1")
    place.part("two").part("deep").write("b.bin", b"2")
    assert (place.names(), place.parts()) == ([], ["one", "two"])
    assert place.part("one").names() == ["a.bin"]
    place.part("one").clear()
    assert place.parts() == ["two"]
    place.clear()
    assert place.parts() == []


def test_many_pieces_are_listed_and_cleared(place):
    for number in range(30):
        place.write(f"{number:04}", b"")
    assert len(place.names()) == 30
    place.clear()
    assert place.names() == []


def test_state_is_met_again_with_its_manifest(place):
    files = StateFiles(place)
    files.write("x", {"t": torch.arange(3)}, {"seed": 1})
    assert files.holds("x", {"seed": 1})
    assert not files.holds("x", {"seed": 2})
    assert files.read("x", {"seed": 1})["t"].tolist() == [0, 1, 2]
    with pytest.raises(StateFileError, match="another seed"):
        files.read("x", {"seed": 2})
    (name,) = [name for name in place.names() if name.endswith(".safetensors")]
    place.write(name, place.read(name)[:-1] + b"\1")
    with pytest.raises(StateFileError, match="damaged"):
        files.read("x", {"seed": 1})
    files.drop("x")
    assert place.names() == []


def test_what_a_kill_left_is_swept_and_what_is_being_written_is_not(tmp_path):
    folder = Folder(tmp_path)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    folder.write("a", b"1")
    left, mine, elsewhere = (
        tmp_path / f".a.{where}.tmp"
        for where in (f"{gethostname()}.{ended.pid}", f"{gethostname()}.1", f"another-host.{ended.pid}")
    )
    for path in (left, mine, elsewhere):
        path.write_bytes(b"x")
    folder.sweep()
    assert (left.exists(), mine.exists(), elsewhere.exists()) == (False, True, True)
    assert folder.names() == ["a"]
