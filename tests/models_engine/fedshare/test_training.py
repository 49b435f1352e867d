"""Training against an independent implementation, and what keyed randomness promises."""

from dataclasses import replace

import pytest
import torch

from models_engine.fedshare.config import FedShareConfig
from models_engine.fedshare.data import Edges, SharedData
from models_engine.fedshare.model import Model, ModelFileError
from models_engine.fedshare.server import Server, initial_items, initial_subjects
from models_engine.fedshare.training import snapshot_rounds, train
from tests.worlds import SMALL, World

SEED = torch.tensor([1])


def _lightgcn_gradients(world: World, config: FedShareConfig) -> tuple[torch.Tensor, torch.Tensor]:
    """Gradients of BPR over a dense LightGCN in float64, by autograd; written from the paper alone."""
    data = world.data
    n, m = data.n_subjects, data.n_items
    subjects = initial_subjects(config, data.subject_keys, SEED)[:, 0].double().requires_grad_()
    items = initial_items(config, data.item_keys, SEED)[:, 0].double().requires_grad_()
    adjacency = torch.zeros(n + m, n + m, dtype=torch.float64)
    adjacency[data.edges.subjects, n + data.edges.items] = 1
    adjacency = adjacency + adjacency.T
    degree = adjacency.sum(1).clamp(min=1)
    adjacency = adjacency / degree.sqrt()[:, None] / degree.sqrt()[None, :]
    layers = [torch.cat([subjects, items])]
    for _ in range(config.layers):
        layers.append(adjacency @ layers[-1])
    views = torch.stack(layers).mean(0)

    cohort = world.cohort(data, SEED, config)
    member = cohort._drawn(0)[:, 0]
    mine = member[world.all.subjects]
    subject, item = world.all.subjects[mine], world.all.items[mine]
    negative, valid = cohort._negatives(subject, item, torch.zeros_like(subject), 0)
    margin = (views[subject] * (views[n + item] - views[n + negative])).sum(1)
    loss = -(torch.nn.functional.logsigmoid(margin) * valid).mean()
    loss = loss + config.l2 / 2 * ((subjects**2).sum() + (items**2).sum())
    loss.backward()
    return subjects.grad, items.grad


def test_without_local_view_and_contrast_it_is_lightgcn():
    world = World(shared=1.0)
    config = replace(SMALL, local_view=False, contrast_weight=0.0, layers=3)
    server = Server(
        config,
        world.data,
        initial_subjects(config, world.subject_keys, SEED),
        initial_items(config, world.item_keys, SEED),
    )
    _, of_subjects, of_items = server._gradients(0, world.cohort(world.data, SEED, config), None)
    expected_subjects, expected_items = _lightgcn_gradients(world, config)
    torch.testing.assert_close(of_subjects[:, 0].double(), expected_subjects, rtol=1e-4, atol=1e-8)
    torch.testing.assert_close(of_items[:, 0].double(), expected_items, rtol=1e-4, atol=1e-8)


def test_same_seed_gives_the_same_bytes():
    world = World()
    first, second = (train(SMALL, world.data, world.cohort(world.data, SEED), SEED) for _ in range(2))
    assert first.to_bytes() == second.to_bytes()


def test_another_seed_gives_another_model():
    world = World()
    other = torch.tensor([2])
    first = train(SMALL, world.data, world.cohort(world.data, SEED), SEED)
    second = train(SMALL, world.data, world.cohort(world.data, other), other)
    assert not torch.allclose(first.items, second.items)


def test_replicas_trained_as_one_are_those_trained_alone():
    world = World()
    seeds = torch.tensor([1, 2, 3])
    together = train(SMALL, world.data, world.cohort(world.data, seeds), seeds)
    for place, seed in enumerate(seeds):
        alone = train(SMALL, world.data, world.cohort(world.data, seed[None]), seed[None])
        torch.testing.assert_close(together.items[:, place], alone.items[:, 0], rtol=1e-3, atol=1e-4)


def test_loss_falls():
    world = World()
    cohort = world.cohort(world.data, SEED)
    server = Server(
        SMALL,
        world.data,
        initial_subjects(SMALL, world.subject_keys, SEED),
        initial_items(SMALL, world.item_keys, SEED),
    )
    losses = [float(server.learn(r, cohort)) for r in range(SMALL.rounds)]
    assert sum(losses[-5:]) < 0.9 * sum(losses[:5])


def test_snapshots_are_spaced_geometrically():
    assert snapshot_rounds(400) == [50, 100, 200, 400]
    assert snapshot_rounds(1) == [1]


def test_progress_ends_at_one():
    world = World()
    seen: list[float] = []
    train(SMALL, world.data, world.cohort(world.data, SEED), SEED, seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_a_model_survives_its_file():
    world = World()
    model = train(SMALL, world.data, world.cohort(world.data, SEED), SEED)
    again = Model.from_bytes(model.to_bytes(), model.digest())
    assert again.digest() == model.digest()
    assert again.config == SMALL


def test_one_changed_byte_in_a_model_file_is_refused():
    world = World()
    model = train(SMALL, world.data, world.cohort(world.data, SEED), SEED)
    damaged = bytearray(model.to_bytes())
    damaged[-1] ^= 1
    with pytest.raises(ModelFileError, match="SHA-256"):
        Model.from_bytes(bytes(damaged), model.digest())


def test_a_loss_that_diverges_is_reported_with_a_remedy():
    world = World()
    config = replace(SMALL, learning_rate=1e30)
    with pytest.raises(FloatingPointError, match="learning_rate"):
        train(config, world.data, world.cohort(world.data, SEED, config), SEED)


def test_data_without_edges_is_refused():
    nothing = torch.empty(0, dtype=torch.int64)
    with pytest.raises(ValueError, match="nobody shares"):
        SharedData(torch.tensor([1]), torch.tensor([2]), Edges(nothing, nothing))


@pytest.mark.parametrize(
    ("field", "value"), [("width", 0), ("participation", 1.5), ("temperature", 0.0), ("l2", -1.0), ("rounds", 0)]
)
def test_a_senseless_setting_is_refused_by_name(field, value):
    with pytest.raises(ValueError, match=field):
        replace(SMALL, **{field: value})
