"""Learning again without the data: from the keyed start, or from where the data had not come in yet.

Under keyed randomness both give one reproducible object: whoever has the remaining data, the
configuration and the seed gets the same bytes. That is said of processors: a GPU adds in no fixed order.
"""

from models_engine.federation.cohort import Cohort
from models_engine.fedshare.files import StateFiles
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.training import Devices, Progress, Training
from models_engine.fedshare.unlearning.strategy import ForgetTask, Forgotten


class Retrain:
    """From the keyed start: exact by construction, the top of the ladder."""

    name = "retrain"
    exact = True

    def forget(self, task: ForgetTask, progress: Progress) -> Forgotten:
        """See `Strategy.forget`."""
        devices, training = _again(task, task.checkpoints)
        return Forgotten(training.run(progress)[0], devices.cohort)


class RollbackReplay:
    """From the last snapshot that the data never reached; what came in after it is replayed.

    The snapshot's manifest names the data that it was learned from. It is taken up only where that
    is what remains of the course up to there, so that nothing of the withdrawn data can be in it.
    The snapshots that the data did reach are replaced on the way. Pairs that a device deletes may have trained it long
    before they were shared, which no manifest tells: then it begins at the keyed start.
    """

    name = "rollback_replay"
    exact = True

    def forget(self, task: ForgetTask, progress: Progress) -> Forgotten:
        """See `Strategy.forget`."""
        devices, training = _again(task, task.snapshots)
        replayed = training.replay(progress, same_devices=len(task.deleted) == 0)
        return Forgotten(replayed[0], devices.cohort)


def _again(task: ForgetTask, folder: StateFiles | None) -> tuple["_Watched", Training]:
    """Learning the course without the data."""
    devices = _Watched(task.start_devices(task.model.config, None))
    return devices, Training(task.model.config, task.course_after(), devices, folder)


class _Watched:
    """Devices that keep hold of the cohort of the last window."""

    def __init__(self, devices: Devices):
        self._devices = devices
        self.cohort: Cohort

    def enter(self, window: int, replicas: Replicas) -> Cohort:
        """See `Devices.enter`."""
        self.cohort = self._devices.enter(window, replicas)
        return self.cohort
