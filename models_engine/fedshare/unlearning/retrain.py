"""Training again from the keyed start, without the data."""

from models_engine.fedshare.training import Progress, train
from models_engine.fedshare.unlearning.strategy import ForgetTask, Forgotten


class Retrain:
    """Exact by construction: the top of the ladder.

    Under keyed randomness it is one reproducible object: whoever has the remaining data, the
    configuration and the seed gets the same bytes.
    """

    name = "retrain"
    exact = True

    def forget(self, task: ForgetTask, progress: Progress) -> Forgotten:
        """See `Strategy.forget`."""
        data = task.after()
        cohort = task.make_cohort(None, data)
        return Forgotten(train(task.model.config, data, cohort, task.model.seeds, progress), cohort)
