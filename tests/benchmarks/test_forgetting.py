"""The benchmark's shadow models, and how its page puts measurements together."""

import torch

from benchmarks.devices import Trained
from benchmarks.forgetting.page import PAGE, _joined, kept, text
from benchmarks.forgetting.pool import Pool
from benchmarks.forgetting.requests import ForgetRequest
from models_engine.fedshare.data import SharedData
from tests.worlds import World

WORLD = World(subjects=12)
HALF = 5


def _requests() -> list[ForgetRequest]:
    """Of each subject one; every second leaves, the others take back one pair."""
    found = []
    for subject in range(WORLD.data.n_subjects):
        own = WORLD.data.edges.where(WORLD.data.edges.subjects == subject)
        leaves = torch.zeros(WORLD.data.n_subjects, dtype=torch.bool)
        leaves[subject] = subject % 2 == 0
        pairs = own if leaves.any() else own.where(torch.arange(len(own)) == 0)
        found.append(ForgetRequest("subject" if leaves.any() else "interaction", "erase", pairs, leaves))
    return found


def _pairs(data: SharedData) -> set[tuple[int, int]]:
    """By key: rows differ where somebody else left."""
    keys = data.subject_keys[data.edges.subjects].tolist(), data.item_keys[data.edges.items].tolist()
    return set(zip(*keys, strict=True))


def test_half_of_the_shadow_models_never_had_a_request_and_the_others_have_all_of_it_but_the_edges():
    requests, trained = _requests(), []

    def train(worlds, gone, seeds):
        assert len(set(seeds)) == len(worlds) == len(gone)
        trained.extend(Trained(None, world, None) for world in worlds)
        return trained

    pool = Pool(requests, WORLD.data, HALF, train)
    for request in requests:
        knew, never = pool.margins(request, lambda model, data: data)
        assert len(knew) == len(never) == HALF
        withdrawn = _pairs(SharedData(WORLD.subject_keys, WORLD.item_keys, request.pairs))
        assert not any(withdrawn & _pairs(data) for data in knew + never)
        learned = [one.data for one in trained if withdrawn <= _pairs(one.data)]
        assert sorted(len(data.edges) for data in learned) == sorted(
            len(data.edges) + len(request.pairs) for data in knew
        )


def test_what_others_withdraw_differs_from_one_shadow_model_to_the_next():
    worlds = []
    Pool(_requests(), WORLD.data, HALF, lambda found, *_: worlds.extend(found))
    assert len({frozenset(_pairs(world)) for world in worlds}) == 2 * HALF


def _part(size: str, code: str = "a", dataset: str = "ml-100k") -> dict:
    rows = [{"dataset": dataset, "size": size}]
    return {"rows": rows, "code": code, "sizes": {"targets": 5}, "device": "CPU", "about": {"torch": "2.13"}}


def test_sizes_that_were_measured_alike_stand_in_one_table_and_others_apart():
    parts = [_part("tenth"), _part("interaction"), _part("subject", code="b"), _part("tenth", dataset="gowalla")]
    joined = _joined(parts)
    assert [[row["size"] for row in part["rows"]] for part in joined] == [
        ["tenth", "interaction"], ["subject"], ["tenth"],
    ]  # fmt: skip
    assert len(parts[0]["rows"]) == 1


def test_the_page_of_the_docs_is_what_the_kept_measurements_make():
    assert PAGE.read_text() == text(kept()), "run `python -m benchmarks.forgetting.page`"
