"""Causes in the reader's language."""

import pytest
from django.utils import translation

from unlearning.jobs import troubles


@pytest.mark.parametrize(
    "trouble",
    [
        troubles.MEMORY,
        troubles.FILES.format(cause="No space left on device"),
        troubles.BUG.format(name="KeyError"),
        troubles.SILENT.format(tries=3, phase="verify: contrastive"),
    ],
)
@pytest.mark.parametrize("language", ["fr", "de"])
def test_what_the_service_says_is_translated_with_its_values(trouble, language):
    assert troubles.translated(trouble) == trouble
    with translation.override(language):
        told = troubles.translated(trouble)
    assert told != trouble
    for value in ("No space left on device", "KeyError", "verify: contrastive"):
        assert (value in told) == (value in trouble)


def test_what_the_engine_says_stays_as_it_is():
    with translation.override("de"):
        assert troubles.translated("learning diverged in round 3") == "learning diverged in round 3"
