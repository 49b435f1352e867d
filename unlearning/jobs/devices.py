"""The devices of this installation: where they are, how they start, and how they carry on from a model."""

from django.conf import settings
from django.db import transaction
from torch import Tensor

from models_engine.federation.fleet import PrivateVectors, SimulatedFleet
from models_engine.federation.simulated import SimulatedCohort
from models_engine.fedshare.config import FedShareConfig
from models_engine.fedshare.files import StateFiles
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.unlearning.strategy import Deleted, MakeCohort
from models_engine.registry.places import place
from unlearning.lineage.devices import assert_session, lock_devices


def simulated_fleet() -> SimulatedFleet:
    """The devices that this installation simulates."""
    return SimulatedFleet(place(settings.DEVICES), assert_session)


@transaction.atomic
def erase_devices(subject_keys: Tensor) -> None:
    """Wipe devices: their interactions, and their vectors of every model."""
    lock_devices()
    simulated_fleet().erase(subject_keys)


@transaction.atomic
def drop_vectors(model: str) -> None:
    """Let devices drop their vectors of a model."""
    lock_devices()
    simulated_fleet().drop_private(model)


class StartedFleet:
    """The devices of this installation at their keyed start."""

    def __init__(
        self,
        config: FedShareConfig,
        deleted: Deleted = None,
        lent: Deleted = None,
        memory: StateFiles | None = None,
    ):
        """`deleted`, `lent` and `memory` as of `SimulatedFleet.cohort`."""
        self._config, self._deleted, self._lent, self._memory = config, deleted, lent, memory
        self.cohort: SimulatedCohort

    def enter(self, window: int, replicas: Replicas) -> SimulatedCohort:
        """See `Devices.enter`; everything comes in one window."""
        self.cohort = simulated_fleet().cohort(
            self._config, replicas, memory=self._memory, deleted=self._deleted, lent=self._lent
        )
        return self.cohort


def make_cohort(fleet: SimulatedFleet, private: PrivateVectors) -> MakeCohort:
    """How a strategy gets the devices with the vectors that go with a trained model."""
    return lambda config, replicas, deleted: fleet.cohort(config, replicas, private, deleted=deleted)
