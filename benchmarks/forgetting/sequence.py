"""Requests that come in one after the other, on the same model."""

from dataclasses import replace

import torch

from models_engine.fedshare.course import Course
from models_engine.fedshare.data import rows_of
from models_engine.fedshare.training import Progress
from models_engine.fedshare.unlearning import Contrastive, ForgetTask, Forgotten


class OneByOne:
    """Every subject who leaves is a request of its own, to the model that the last one left."""

    name = "contrastive, in turn"
    exact = False

    def forget(self, task: ForgetTask, progress: Progress) -> Forgotten:
        """See `Strategy.forget`; each request finds the data without those before it."""
        leavers = task.before.subject_keys[task.erased]
        model, data = task.model, task.before
        for done, leaver in enumerate(leavers):
            erased = torch.zeros_like(data.subject_keys, dtype=torch.bool)
            erased[rows_of(leaver[None], data.subject_keys)] = True
            step = replace(
                task, model=model, course=Course.single([data], [model.seed], model.config.rounds), erased=erased
            )
            forgotten = Contrastive().forget(step, lambda fraction: None)
            model, data = forgotten.model, step.after()
            progress((done + 1) / len(leavers))
        return forgotten
