"""FedShare's own way to forget: pull to the view that is retained, push from the one that was induced.

*Pull*, for large requests: some rounds over the retained graph, with many devices each and small steps (`pull_…` in
`config.py`), in which the affected rows alone learn. They take out most of the influence, pair by pair, and leave the
model as useful as it was. The rows of those who unshare go faster, however many of their pairs are withdrawn, and
are not pushed: on MovieLens-100K a push on them is told with an AUC of 0.56, the pull alone with 0.50.

*Push* (`push.py`): the affected rows step against what is left of it. A small request has the push alone.
The push comes last: before a pull it is undone by it, and more of it then adds scatter, by which an attacker
tells the model at low false-positive rates.

The amplitudes decide where it ends: neither short of the level of pairs never seen nor beyond it. They are measured by
a rehearsal (`rehearsal.py`) on subjects who stay. Who withdraws everything is looked at by itself, and in a small
request each pair, of everybody (`amplitudes.py`); the others in a large request have numbers of the model, by kind of
request. The pairs of a subject are alike, so that many together need a shorter step, each, than one alone: the
amplitude goes linearly from that of a pair alone to that of all pairs of a subject. Amplitudes of what is unshared may
be negative, but for those numbers of a large request: devices go on learning from a pair, and what they send of that
brings a little of it back, which a model that never had the pair shows too.

Rows of erased subjects are dropped. Who stays and shares nothing any more gets the row that such a subject
would have: no message ever reached it, so that the keyed start and the L2 term alone say what it is.

After Qu et al., arXiv 2603.11610; cf. ReCUR's contrast of old and new embeddings.
"""

from dataclasses import replace

import torch
from torch import Tensor

from models_engine.federation.cohort import Cohort
from models_engine.fedshare.config import FedShareConfig
from models_engine.fedshare.data import Edges, SharedData
from models_engine.fedshare.model import Model
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.server import Server, untrained_subjects
from models_engine.fedshare.training import Progress
from models_engine.fedshare.unlearning.amplitudes import PairAmplitudes, whole_amplitudes
from models_engine.fedshare.unlearning.push import Amplitude, Induced, Rows
from models_engine.fedshare.unlearning.strategy import Calibration, ForgetTask, Forgotten, Push

_SMALL = 1 / 200
"""Share of the pairs up to which a request counts as small."""


def is_small(withdrawn: Edges, before: SharedData) -> bool:
    """Whether a push alone will do."""
    return len(withdrawn) <= _SMALL * len(before.edges)


def gentle(config: FedShareConfig) -> FedShareConfig:
    """The configuration with the step size and the cohorts of the pull."""
    return replace(
        config, learning_rate=config.learning_rate * config.pull_rate, participation=config.pull_participation
    )


def pull(
    model: Model,
    after: SharedData,
    stays: Tensor,
    withdrawn: Edges,
    pace: Tensor,
    cohort: Cohort,
    progress: Progress = lambda fraction: None,
) -> Rows:
    """The model's rows after learning on over the retained graph, the affected ones alone.

    Args:
        after: the retained data.
        stays: bool [n], the subjects whom it names.
        withdrawn: by row of the data before.
        pace: how many times the step the row of each subject goes, [n].
        cohort: the devices of those who stay.
    """
    config = model.config
    server = Server(gentle(config), Replicas([after], [model.seed]), model.subjects[stays], model.items)
    concerned = torch.zeros_like(stays)
    concerned[withdrawn.subjects] = True
    affected_subjects = concerned[stays].nonzero().squeeze(1)
    affected_items = torch.unique(withdrawn.items)
    paces = pace[stays][affected_subjects, None]
    for round_number in range(config.pull_rounds):
        # Rounds go on counting where training ended, so that no negative is drawn twice.
        server.settle(config.rounds + round_number, cohort, affected_subjects, affected_items, paces)
        progress((round_number + 1) / config.pull_rounds)
    subjects = model.subjects.clone()
    subjects[stays] = server.subjects
    return Rows(subjects, server.items)


class Contrastive:
    """Seconds instead of a training; statistically equivalent at best, never exact."""

    name = "contrastive"
    exact = False

    def forget(self, task: ForgetTask, progress: Progress) -> Forgotten:
        """See `Strategy.forget`.

        Raises:
            ValueError: the task has no amplitudes.
        """
        if task.calibration is None:
            raise ValueError("the contrastive push needs the model's amplitudes: rehearse first")
        model, before, after, stays = task.model, task.before, task.after(), ~task.erased
        withdrawn = task.withdrawn()
        cohort = task.make_cohort(gentle(model.config), Replicas([after], [model.seed]), None)
        induced = Induced(model, before, torch.unique(withdrawn.items))
        rows, small = Rows(model.subjects, model.items), is_small(withdrawn, before)
        if not small:
            pace = torch.ones_like(model.subjects[:, 0])
            pace[task.unshared.subjects] = task.calibration.pace
            pace[task.deleted.subjects] = 1.0  # these rows are pushed, from where a pull at this pace leaves them
            rows = pull(model, after, stays, withdrawn, pace, cohort, progress)
        rows = _pushed(rows, task, task.calibration, induced, cohort, small)
        # The old rows of those who withdrew are history of that data: only the new ones may be kept.
        moved = torch.zeros_like(task.erased)
        moved[withdrawn.subjects] = True
        subjects = self._with_untrained(task, rows.subjects, moved)
        history = torch.where(moved[:, None], subjects, model.history)
        forgotten = replace(model, subjects=subjects, items=rows.items, history=history).keeping(stays)
        forgotten.assert_finite()
        progress(1.0)
        return Forgotten(forgotten, cohort)

    def _with_untrained(self, task: ForgetTask, subjects: Tensor, moved: Tensor) -> Tensor:
        """The rows, with those of who stays and shares nothing any more as training would have left them."""
        kept = task.before.edges.without(task.withdrawn(), task.before.n_items)
        nothing = moved & ~task.erased & (torch.bincount(kept.subjects, minlength=len(moved)) == 0)
        # Without a local view devices score with that row, and teach it what they have; noise reaches it as well.
        config = task.model.config
        if config.noise or not (config.local_view and nothing.any()):
            return subjects
        untrained = untrained_subjects(task.model.config, task.course, task.before.subject_keys[nothing])
        return subjects.masked_scatter(nothing[:, None], untrained)


def _pushed(
    rows: Rows, task: ForgetTask, calibration: Calibration, induced: Induced, cohort: Cohort, small: bool
) -> Rows:
    """The rows after a push for each fate of pairs, which makes up for what those before it did."""
    pushes, alone, whole = calibration.small if small else calibration.large, calibration.alone, calibration.whole
    seen = task.model, task.before, induced
    of_leavers = Push(pushes.delete.items, 0.0)  # their rows are dropped
    holdings = torch.bincount(task.deleted.subjects, minlength=task.before.n_subjects)
    if small:
        holdings[~task.erased] += cohort.holdings()
    for pairs, push, fall_alone, fall_of_all, goes_on in (
        (task.of_leavers(), of_leavers, alone.delete, whole.delete, False),
        (task.deleted, pushes.delete, alone.delete, whole.delete, False),
        (task.unshared, pushes.unshare, alone.unshare, whole.unshare, True),
    ):
        if len(pairs) == 0:
            continue
        usual: tuple[Amplitude, Amplitude] = push.items, push.rows
        if small:
            usual = PairAmplitudes(*seen, pairs, fall_alone, not goes_on, holdings).with_all(push.items, push.rows)
        items = whole_amplitudes(*seen, rows, pairs, fall_of_all, usual[0], goes_on, each=small)
        rows = rows.pushed(induced, pairs, items, usual[1])
    return rows
