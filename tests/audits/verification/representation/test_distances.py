"""Distances that no rotation can change, and that see one row in five thousand."""

import numpy as np
import pytest
import torch

from audits.verification.distances import Distances
from audits.verification.exposure import Reading, Scene
from audits.verification.representation.cka import linear_cka
from audits.verification.representation.neighbourhood import cosines, jaccard_distances, nearest, rms_differences
from audits.verification.representation.procrustes import align, residuals
from models_engine.evaluation.margins import directions
from models_engine.fedshare.data import Edges

ITEMS, WIDTH = 5000, 16


def _rotation(generator: torch.Generator, width: int = WIDTH) -> torch.Tensor:
    return torch.linalg.qr(torch.randn(width, width, generator=generator))[0]


@pytest.fixture(scope="module")
def readings() -> list[Reading]:
    """Tables that agree up to a rotation and some noise of training, as retrained models do."""
    generator = torch.Generator().manual_seed(0)
    truth = torch.randn(ITEMS, WIDTH, generator=generator)
    tables = [(truth + 0.3 * torch.randn(ITEMS, WIDTH, generator=generator)) @ _rotation(generator) for _ in range(22)]
    return [_reading(table) for table in tables]


def _reading(table: torch.Tensor) -> Reading:
    return Reading({}, {}, {"item_rows": table}, {"item_rows": directions(table)})


def _scene(items: list[int]) -> Scene:
    subjects = torch.zeros(len(items), dtype=torch.int64)
    return Scene(Edges(subjects, torch.tensor(items)), torch.zeros(len(items), 2, dtype=torch.int64), ITEMS)


def test_a_rotation_is_no_distance():
    generator = torch.Generator().manual_seed(1)
    table, watched = torch.randn(ITEMS, WIDTH, generator=generator), torch.arange(ITEMS) < 10
    turned = table @ _rotation(generator)
    aligned = align(torch.stack([table, turned]), table, watched)
    assert residuals(aligned[1:], aligned[:1]).item() == pytest.approx(0, abs=1e-3)
    rows, some = torch.stack([directions(table), directions(turned)]), torch.arange(10)
    landmarks = cosines(rows, some, torch.arange(100, 200))
    assert rms_differences(landmarks[1:], landmarks[:1]).item() == pytest.approx(0, abs=1e-3)
    lists = nearest(rows, some, 20)
    assert jaccard_distances(lists[1:], lists[:1]).item() < 0.02
    assert linear_cka(table, turned) == pytest.approx(1)


def test_one_replaced_row_in_five_thousand_is_seen(readings):
    scene = _scene([3])
    *references, honest = readings
    distances = Distances(scene, [honest], references, seed=1)
    changed = honest.items["item_rows"].clone()
    changed[3] = torch.randn(WIDTH, generator=torch.Generator().manual_seed(5)) * changed.std()
    found = {result.name: result for result in distances.of_candidates([_reading(changed)])}
    for name in ("procrustes_residual", "cosine_structure", "neighbours_changed"):
        assert found[name].detection.above() < 0.001
        assert found[name].percentile == 100
    # And that is what linear CKA does not see.
    assert linear_cka(honest.items["item_rows"], changed) > 0.999


def test_a_retrained_model_is_as_far_from_the_references_as_they_are_from_each_other(readings):
    *references, honest = readings
    distances = Distances(_scene(list(range(20))), [honest], references, seed=1)
    for result in distances.of_candidates([honest]):
        assert result.detection.above() > 0.01


def test_the_distances_of_a_rotated_candidate_are_the_same(readings):
    *references, honest = readings
    distances = Distances(_scene(list(range(20))), [honest], references, seed=1)
    turned = _reading(honest.items["item_rows"] @ _rotation(torch.Generator().manual_seed(9)))
    for one, other in zip(distances.of_candidates([honest]), distances.of_candidates([turned]), strict=True):
        assert one.after == pytest.approx(other.after, rel=1e-3)


def test_jaccard_by_hand():
    one, other = torch.zeros(1, 1, 6, dtype=torch.bool), torch.zeros(1, 1, 6, dtype=torch.bool)
    one[0, 0, [0, 1, 2]] = True
    other[0, 0, [1, 2, 3]] = True
    assert jaccard_distances(one, other).item() == pytest.approx(1 - 2 / 4)


def test_too_few_untouched_items_give_no_distance(readings):
    assert Distances.of(_scene(list(range(ITEMS - WIDTH))), readings[:1], readings[1:], seed=1) is None


def test_linear_cka_by_hand():
    # Columns (1, -1) and (1, -1)·2 are the same up to scale; a constant has nothing to align.
    assert linear_cka(torch.tensor([[1.0], [-1.0]]), torch.tensor([[2.0], [-2.0]])) == pytest.approx(1)
    x, y = torch.tensor([[1.0], [-1.0], [0.0]]), torch.tensor([[1.0], [1.0], [-2.0]])
    assert linear_cka(x, y) == pytest.approx(0, abs=1e-12)
    assert np.isclose(linear_cka(x, x + y), 4 / (2 * 8), atol=1e-12)  # (xᵀ(x+y))² / (xᵀx (x+y)ᵀ(x+y)) = 2²/(2·8)
