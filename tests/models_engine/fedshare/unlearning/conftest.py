"""A small world, and a model that has learned from it."""

import pytest

from tests.worlds import World


@pytest.fixture(scope="package")
def world():
    return World()


@pytest.fixture(scope="package")
def trained(world):
    return world.learn(world.data)
