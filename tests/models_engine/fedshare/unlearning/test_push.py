"""The induced views, against their formulas."""

from dataclasses import replace

import torch

from models_engine.fedshare.data import Edges
from models_engine.fedshare.unlearning.push import Induced, Rows
from tests.models_engine.fedshare.unlearning.tasks import pairs_of


def test_what_edges_carry_sums_up_as_it_does_edge_by_edge_and_for_who_has_only_one(world, trained):
    model, _ = trained
    lonely = world.data.edges.subjects != 0
    lonely[0] = True
    data = replace(world.data, edges=world.data.edges.where(lonely))
    induced = Induced(model, data)
    one_by_one = torch.zeros_like(model.items).index_add_(0, data.edges.items, induced._carry(data.edges))
    torch.testing.assert_close(induced._carried, one_by_one, rtol=1e-4, atol=1e-4)


def test_the_induced_view_of_a_subject_is_the_item_over_the_fourth_root_of_the_degree(world, trained):
    model, _ = trained
    edge = Edges(world.data.edges.subjects[:1], world.data.edges.items[:1])
    degree = int((world.data.edges.subjects == edge.subjects[0]).sum())
    induced = Induced(model, world.data).subjects(edge)
    torch.testing.assert_close(induced[edge.subjects[0]], model.items[edge.items[0]] / degree**0.25)
    assert (induced.abs().amax(1) > 0).sum() == 1


def test_the_induced_view_of_an_item_is_what_a_subject_carried_to_it_beyond_what_the_others_did(world, trained):
    model, _ = trained
    subject, item = (int(end[0]) for end in (world.data.edges.subjects, world.data.edges.items))
    edge = Edges(torch.tensor([subject]), torch.tensor([item]))
    centred = model.items - model.items.mean(0)

    def carried(subject):
        others = [i for i in pairs_of(world, subject).items.tolist() if i != item]
        together = sum(centred[i] / centred[i].norm() for i in others)
        row = model.history[:, subject].mean(0)
        direction = 0.75 * together / together.norm() + 0.25 * row / row.norm()
        return direction / direction.norm()

    sharing = world.data.edges.subjects[world.data.edges.items == item].tolist()
    others = [carried(other) for other in sharing if other != subject]
    departs = carried(subject) - sum(others) / len(others)
    induced = Induced(model, world.data).items(edge)
    torch.testing.assert_close(induced[item], departs * centred[item].norm() / len(sharing) ** 0.5)
    assert (induced.abs().amax(1) > 0).sum() == 1
    torch.testing.assert_close(Induced(model, world.data, edge.items).items(edge), induced)


def test_an_amplitude_for_each_pair_is_the_sum_of_pushes_with_one(world, trained):
    model, _ = trained
    pairs = pairs_of(world, 3)
    amplitudes = torch.linspace(-1, 1, len(pairs))
    rows, induced = Rows(model.subjects, model.items), Induced(model, world.data)
    one_by_one = rows
    for place, amplitude in enumerate(amplitudes.tolist()):
        pair = Edges(pairs.subjects[place, None], pairs.items[place, None])
        one_by_one = one_by_one.pushed(induced, pair, amplitude, 2 * amplitude)
    at_once = rows.pushed(induced, pairs, amplitudes, 2 * amplitudes)
    torch.testing.assert_close(at_once.items, one_by_one.items)
    torch.testing.assert_close(at_once.subjects, one_by_one.subjects)


def test_the_last_who_share_an_item_push_it_as_well(world, trained):
    """Nobody stays from whose view theirs could depart."""
    model, _ = trained
    item = int(world.data.edges.items[0])
    holders = world.data.edges.where(world.data.edges.items == item)
    assert len(holders) > 1
    length = (model.items[item] - model.items.mean(0)).norm()
    assert Induced(model, world.data).items(holders)[item].norm() > 0.1 * length


def test_the_induced_view_by_one_edge_is_as_if_nobody_else_withdrew_any(world, trained):
    model, _ = trained
    induced = Induced(model, world.data)
    edges = world.data.edges.where(world.data.edges.items == world.data.edges.items[0])
    assert len(edges) > 2
    of_each = induced.items_of_each(edges)
    for place, item in enumerate(edges.items.tolist()):
        alone = induced.items(Edges(edges.subjects[place, None], edges.items[place, None]))
        torch.testing.assert_close(of_each[place], alone[item], rtol=1e-4, atol=1e-5)
