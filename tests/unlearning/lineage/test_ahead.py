import threading

import pytest

from unlearning.lineage.importing.ahead import ahead


def test_everything_comes_once_and_in_order():
    assert list(ahead(iter(range(100)))) == list(range(100))
    assert list(ahead(iter([]))) == []


def test_the_next_is_made_while_one_is_used():
    made = [threading.Event() for _ in range(3)]

    def making():
        for event in made:
            event.set()
            yield event

    for place, _ in enumerate(ahead(making())):
        if place + 1 < len(made):
            assert made[place + 1].wait(5)


def test_an_error_reaches_whoever_uses():
    def failing():
        yield 1
        raise ValueError("torn")

    one_ahead = ahead(failing())
    assert next(one_ahead) == 1
    with pytest.raises(ValueError, match="torn"):
        next(one_ahead)
