"""What costs nothing: leaving the model as it is, or taking the edges out of the graph alone."""

from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.training import Progress
from models_engine.fedshare.unlearning.strategy import ForgetTask, Forgotten


class DropEdges:
    """The rows of erased subjects and the withdrawn edges go; every other row stays as it was."""

    name = "drop_edges"
    exact = False

    def forget(self, task: ForgetTask, progress: Progress) -> Forgotten:
        """See `Strategy.forget`."""
        model = task.model.keeping(~task.erased)
        cohort = task.make_cohort(model.config, Replicas([task.after()], [model.seed]), None)
        progress(1.0)
        return Forgotten(model, cohort)
