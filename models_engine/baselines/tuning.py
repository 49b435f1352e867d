"""Going on to learn: on what is retained, or first away from what is withdrawn."""

from dataclasses import replace

import torch

from models_engine.fedshare.data import Edges
from models_engine.fedshare.graph import Pattern
from models_engine.fedshare.losses import bpr
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.server import Server
from models_engine.fedshare.training import Progress
from models_engine.fedshare.unlearning.strategy import ForgetTask, Forgotten


class FineTune:
    """A fifth of the training once more, on the retained data (the usual lower bar: Golatkar et al., CVPR 2020)."""

    name = "fine_tune"
    exact = False

    def forget(self, task: ForgetTask, progress: Progress) -> Forgotten:
        """See `Strategy.forget`."""
        return _go_on(task, progress, ascent_steps=0)


class GradientAscent:
    """Steps up the loss of the withdrawn pairs, then a twentieth of the training on what is retained.

    After Jang et al., ACL 2023, who stop at a fixed number of steps; the rounds that follow repair utility.
    """

    name = "gradient_ascent"
    exact = False

    def forget(self, task: ForgetTask, progress: Progress) -> Forgotten:
        """See `Strategy.forget`."""
        return _go_on(task, progress, ascent_steps=_ASCENT_STEPS)


_ASCENT_STEPS = 10


def _go_on(task: ForgetTask, progress: Progress, ascent_steps: int) -> Forgotten:
    model, config = task.model.keeping(~task.erased), task.model.config
    replicas = Replicas([task.after()], [model.seed])
    items = _ascended(task, ascent_steps) if ascent_steps else model.items
    server = Server(config, replicas, model.subjects, items)
    cohort = task.make_cohort(config, replicas, None)
    rounds = max(1, config.rounds // (20 if ascent_steps else 5))
    for round_number in range(rounds):
        server.learn(config.rounds + round_number, cohort)
        progress((round_number + 1) / rounds)
    history = torch.stack([server.subjects] * len(model.history))
    forgotten = replace(model, subjects=server.subjects, items=server.items, history=history)
    forgotten.assert_finite()
    return Forgotten(forgotten, cohort)


def _ascended(task: ForgetTask, steps: int) -> torch.Tensor:
    """Item rows after ascent of -log σ of the withdrawn pairs' inner products, with Adam's sign-like step size."""
    withdrawn, items = task.withdrawn(), task.model.items.clone()
    order = torch.argsort(withdrawn.subjects, stable=True)
    pairs = Edges(withdrawn.subjects[order], withdrawn.items[order])
    pattern = Pattern(pairs.subjects, pairs.items, (task.before.n_subjects, task.before.n_items))
    for _ in range(steps):
        _, slopes = bpr(pattern.inner_products(task.model.subjects, items))
        gradient = pattern.transposed(slopes) @ task.model.subjects
        length = gradient.norm(dim=1, keepdim=True).clamp(min=1e-12)
        items += task.model.config.learning_rate * gradient / length
    return items
