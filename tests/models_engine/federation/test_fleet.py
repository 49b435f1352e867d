import torch

from models_engine.federation.fleet import DeviceData, PrivateVectors, SimulatedFleet
from models_engine.fedshare.places import Folder
from models_engine.fedshare.replicas import Replicas
from tests.worlds import SMALL, World


def _data(*pairs: tuple[int, int]) -> DeviceData:
    keys = torch.tensor(pairs)
    return DeviceData(keys[:, 0].clone(), keys[:, 1].clone(), torch.zeros(len(pairs), dtype=torch.bool))


def test_devices_keep_what_they_are_given_once(tmp_path):
    fleet = SimulatedFleet(Folder(tmp_path))
    assert fleet.add(_data((1, 10), (1, 11), (2, 10))) == 3
    assert fleet.add(_data((1, 10), (3, 10))) == 1
    assert fleet.data().subject_keys.tolist() == [1, 1, 2, 3]


def test_a_wiped_device_holds_nothing_and_the_others_everything(tmp_path):
    fleet = SimulatedFleet(Folder(tmp_path))
    fleet.add(_data((1, 10), (2, 10), (2, 11)))
    fleet.keep_private("seven", PrivateVectors(torch.tensor([1, 2]), torch.ones(2, 1, 4)))
    fleet.erase(torch.tensor([2]))
    assert fleet.data().subject_keys.tolist() == [1]
    content = b"".join(path.read_bytes() for path in tmp_path.rglob("*.safetensors"))
    assert (2).to_bytes(8, "little") + (10).to_bytes(8, "little") not in content
    stored = (tmp_path / "private-seven").read_bytes()
    assert len(stored) < 300


def test_a_cohort_carries_on_with_the_vectors_of_a_version(tmp_path):
    world, fleet = World(), SimulatedFleet(Folder(tmp_path))
    fleet.add(
        DeviceData(
            world.subject_keys[world.all.subjects],
            world.item_keys[world.all.items],
            torch.zeros(len(world.all), dtype=torch.bool),
        )
    )
    kept = torch.randn(len(world.subject_keys), SMALL.width, generator=torch.Generator().manual_seed(0))
    fleet.keep_private("three", PrivateVectors(world.subject_keys.flip(0), kept.flip(0)))
    assert torch.equal(fleet.cohort(SMALL, Replicas([world.data], [1]), fleet.private("three")).private, kept)
