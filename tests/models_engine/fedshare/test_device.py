"""Everything is computed where the data lies.

With `meta` as the default device, a tensor that is made without naming one can't meet those of the data:
whatever forgets to follow them fails here as it would on a GPU.
"""

import torch

from models_engine.baselines.influence import InfluenceStep
from models_engine.baselines.passive import DropEdges
from models_engine.baselines.tuning import FineTune, GradientAscent
from models_engine.evaluation.margins import fold_in_margins, matched_items, neighbour_scores, pair_margins
from models_engine.evaluation.ranking import popularity_quality, ranking_quality
from models_engine.fedshare.course import Course
from models_engine.fedshare.training import Training
from models_engine.fedshare.unlearning import NOTHING, Contrastive, ForgetTask, Retrain
from models_engine.fedshare.unlearning.rehearsal import rehearse
from tests.models_engine.fedshare.unlearning.tasks import at_the_start, carrying_on, twins
from tests.worlds import SMALL, World, WorldDevices


def _course(world: World, *seeds: int) -> Course:
    return Course.single([world.data] * len(seeds), seeds, SMALL.rounds)


def test_learning_and_its_measures_follow_the_data():
    world = World()
    with torch.device("meta"):
        models = Training(SMALL, _course(world, 1, 2), WorldDevices(world, SMALL)).run()
        quality = ranking_quality(*models[0].views(world.data), world.data.edges, world.all)
        popularity_quality(world.data.item_popularity(), world.data.n_subjects, world.data.edges, world.all)
    assert 0 < quality.recall <= 1


def test_forgetting_and_its_measures_follow_the_data():
    world = World()
    model, cohort = world.learn(world.data)
    make_cohort, start_devices = carrying_on(world, cohort), at_the_start(world)
    erased = torch.arange(world.data.n_subjects) < 3
    with torch.device("meta"):
        calibration = rehearse(model, world.data, make_cohort, twins(world), lambda fraction: None)
        task = ForgetTask(model, _course(world, 1), NOTHING, NOTHING, erased, calibration, make_cohort, start_devices)
        pairs = task.withdrawn()
        contrast = matched_items(pairs, world.all, world.data.item_popularity(), 5)
        for strategy in (Contrastive(), Retrain(), DropEdges(), FineTune(), GradientAscent(), InfluenceStep()):
            forgotten = strategy.forget(task, lambda fraction: None).model
            fold_in = fold_in_margins(forgotten.items, pairs, contrast)
            assert torch.isfinite(fold_in).all(), strategy.name
        neighbour_scores(model.items, pairs, contrast)
        margins = pair_margins(*model.views(world.data), pairs, contrast)
    assert margins.shape == (len(pairs),)
