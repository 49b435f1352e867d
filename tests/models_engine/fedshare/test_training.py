"""Training against an independent implementation, and what keyed randomness promises."""

from dataclasses import replace

import pytest
import torch

from models_engine.fedshare.config import FedShareConfig
from models_engine.fedshare.course import Course, Window
from models_engine.fedshare.data import Edges, SharedData
from models_engine.fedshare.files import StateFileError, StateFiles
from models_engine.fedshare.model import Model, ModelFileError
from models_engine.fedshare.places import Folder
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.server import Server, initial_items, initial_subjects
from models_engine.fedshare.training import Training, snapshot_rounds
from tests.worlds import SMALL, World, WorldDevices


def _replicas(world: World, *seeds: int) -> Replicas:
    return Replicas([world.data] * len(seeds), seeds)


def _lightgcn_gradients(world: World, config: FedShareConfig) -> tuple[torch.Tensor, torch.Tensor]:
    """Gradients of BPR over a dense LightGCN in float64, by autograd; written from the paper alone."""
    data, replicas = world.data, _replicas(world, 1)
    n, m = data.n_subjects, data.n_items
    subjects = initial_subjects(config, replicas).double().requires_grad_()
    items = initial_items(config, replicas).double().requires_grad_()
    adjacency = torch.zeros(n + m, n + m, dtype=torch.float64)
    adjacency[data.edges.subjects, n + data.edges.items] = 1
    adjacency = adjacency + adjacency.T
    degree = adjacency.sum(1).clamp(min=1)
    adjacency = adjacency / degree.sqrt()[:, None] / degree.sqrt()[None, :]
    layers = [torch.cat([subjects, items])]
    for _ in range(config.layers):
        layers.append(adjacency @ layers[-1])
    views = torch.stack(layers).mean(0)

    cohort = world.cohort(replicas, config)
    samples = cohort._held.sample(0, cohort._drawn(0))
    subject, negative = samples.members[samples.member], samples.negative_items
    item = cohort._held.items[cohort._drawn(0)[cohort._held.subjects]]
    margin = (views[subject] * (views[n + item] - views[n + negative])).sum(1)
    loss = -(torch.nn.functional.logsigmoid(margin) * samples.valid).mean()
    loss = loss + config.l2 / 2 * ((subjects**2).sum() + (items**2).sum())
    loss.backward()
    return subjects.grad, items.grad


def test_without_local_view_and_contrast_it_is_lightgcn():
    world = World(shared=1.0)
    config = replace(SMALL, local_view=False, contrast_weight=0.0, layers=3)
    replicas = _replicas(world, 1)
    _, of_subjects, of_items = Server(config, replicas).gradients(0, world.cohort(replicas, config))
    expected_subjects, expected_items = _lightgcn_gradients(world, config)
    torch.testing.assert_close(of_subjects.double(), expected_subjects, rtol=1e-4, atol=1e-8)
    torch.testing.assert_close(of_items.double(), expected_items, rtol=1e-4, atol=1e-8)


def test_same_seed_gives_the_same_bytes():
    world = World()
    assert world.learn(world.data)[0].to_bytes() == world.learn(world.data)[0].to_bytes()


def test_another_seed_gives_another_model():
    world = World()
    assert not torch.allclose(world.learn(world.data)[0].items, world.learn(world.data, seed=2)[0].items)


def test_replicas_with_forget_sets_of_their_own_are_those_trained_alone():
    world = World()
    erased = torch.arange(world.data.n_subjects) == 5
    withdrawn = world.data.edges.where(world.data.edges.subjects == 9)
    worlds = [
        world.data,
        world.data.without(Edges(withdrawn.subjects[:3], withdrawn.items[:3]), erased & False),
        world.data.without(world.data.edges.where(erased[world.data.edges.subjects]), erased),
    ]
    seeds = [1, 2, 3]
    together = Training(SMALL, Course.single(worlds, seeds, SMALL.rounds), WorldDevices(world, SMALL)).run()
    for model, data, seed in zip(together, worlds, seeds, strict=True):
        alone, _ = world.learn(data, seed=seed)
        torch.testing.assert_close(model.items, alone.items, rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(model.subjects, alone.subjects, rtol=1e-3, atol=1e-4)
        assert torch.equal(model.subject_keys, alone.subject_keys)


def test_loss_falls():
    world = World()
    replicas = _replicas(world, 1)
    cohort, server = world.cohort(replicas), Server(SMALL, replicas)
    losses = [float(server.learn(r, cohort)) for r in range(SMALL.rounds)]
    assert sum(losses[-5:]) < 0.9 * sum(losses[:5])


def test_snapshots_are_spaced_geometrically():
    assert snapshot_rounds(400) == [50, 100, 200, 400]
    assert snapshot_rounds(1) == [1]


def test_progress_ends_at_one():
    world = World()
    seen: list[float] = []
    course = Course.single([world.data], [1], SMALL.rounds)
    Training(SMALL, course, WorldDevices(world, SMALL)).run(seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


class Killed(Exception):
    """What stands for a kill in the middle."""


def _killed_at(fraction: float):
    def progress(done: float) -> None:
        if done >= fraction:
            raise Killed

    return progress


def _windows(world: World, *seeds: int) -> Course:
    """Subjects come in over three windows; the last one has everything."""
    half, most = (_first_subjects(world.data, count) for count in (20, 30))
    return Course([Window(Replicas([data] * len(seeds), seeds), 14) for data in (half, most, world.data)])


def _first_subjects(data: SharedData, count: int) -> SharedData:
    gone = torch.arange(data.n_subjects) >= count
    return data.without(data.edges.where(gone[data.edges.subjects]), gone)


@pytest.mark.parametrize("fraction", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("seeds", [(1,), (1, 2)])
def test_a_training_that_was_killed_ends_with_the_same_bytes(tmp_path, fraction, seeds):
    world = World()
    course = _windows(world, *seeds)
    whole = Training(SMALL, course, WorldDevices(world, SMALL)).run()

    def training():
        devices = WorldDevices(world, SMALL, StateFiles(Folder(tmp_path / "devices")))
        return Training(SMALL, course, devices, StateFiles(Folder(tmp_path / "server")), checkpoint_every=5)

    with pytest.raises(Killed):
        training().run(_killed_at(fraction))
    seen: list[float] = []
    resumed = training().run(seen.append)
    assert seen[0] > 0.1
    assert [m.to_bytes() for m in resumed] == [m.to_bytes() for m in whole]
    # Of the way there, only what a rollback needs is left.
    assert {path.stem for path in (tmp_path / "server").glob("*.json")} == {"window-1", "window-2"}
    assert {path.stem for path in (tmp_path / "devices").glob("*.json")} == {"round-14", "round-28"}


def test_a_checkpoint_of_another_configuration_is_refused(tmp_path):
    world = World()
    course, folder = _windows(world, 1), StateFiles(Folder(tmp_path / "server"))
    devices = WorldDevices(world, SMALL, StateFiles(Folder(tmp_path / "devices")))
    with pytest.raises(Killed):
        Training(SMALL, course, devices, folder, checkpoint_every=5).run(_killed_at(0.5))
    other = replace(SMALL, learning_rate=0.01)
    with pytest.raises(StateFileError, match="another config"):
        Training(other, course, WorldDevices(world, other), folder).run()


def test_one_changed_byte_in_a_checkpoint_is_refused(tmp_path):
    folder = StateFiles(Folder(tmp_path))
    folder.write("running", {"items": torch.ones(3)}, {})
    (path,) = tmp_path.glob("*.safetensors")
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(StateFileError, match="SHA-256"):
        folder.read("running", {})


def test_the_first_round_of_a_share_is_that_of_the_window_it_came_in():
    world = World()
    first = _windows(world, 1).first_rounds()
    subjects = world.data.edges.subjects
    assert set(first[subjects < 20].tolist()) == {0}
    assert set(first[(subjects >= 20) & (subjects < 30)].tolist()) == {14}
    assert set(first[subjects >= 30].tolist()) == {28}


def test_a_model_survives_its_file():
    world = World()
    model, _ = world.learn(world.data)
    again = Model.from_bytes(model.to_bytes(), model.digest())
    assert again.digest() == model.digest()
    assert (again.config, again.seed) == (SMALL, 1)


def test_one_changed_byte_in_a_model_file_is_refused():
    world = World()
    model, _ = world.learn(world.data)
    damaged = bytearray(model.to_bytes())
    damaged[-1] ^= 1
    with pytest.raises(ModelFileError, match="SHA-256"):
        Model.from_bytes(bytes(damaged), model.digest())


def test_a_loss_that_diverges_is_reported_with_a_remedy():
    world = World()
    with pytest.raises(FloatingPointError, match="learning_rate"):
        world.learn(world.data, replace(SMALL, learning_rate=1e30))


def test_data_without_edges_is_refused():
    nothing = torch.empty(0, dtype=torch.int64)
    with pytest.raises(ValueError, match="nobody shares"):
        SharedData(torch.tensor([1]), torch.tensor([2]), Edges(nothing, nothing))


def test_noise_without_clipping_is_refused():
    with pytest.raises(ValueError, match="clip"):
        replace(SMALL, noise=1.0)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("width", 0),
        ("participation", 1.5),
        ("pull_participation", 0.0),
        ("temperature", 0.0124),
        ("l2", -1.0),
        ("rounds", 0),
    ],
)
def test_a_senseless_setting_is_refused_by_name(field, value):
    with pytest.raises(ValueError, match=field):
        replace(SMALL, **{field: value})
