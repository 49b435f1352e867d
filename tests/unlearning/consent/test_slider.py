from hypothesis import given
from hypothesis import strategies as st

from unlearning.consent import slider

KEY = bytes(range(32))


@given(st.text(max_size=30), st.integers(0, 100), st.integers(0, 100))
def test_what_a_lower_ratio_shares_a_higher_one_shares_too(item, one, other):
    rank = slider.rank(KEY, item)
    low, high = sorted((one, other))
    assert slider.shared(rank, high) or not slider.shared(rank, low)


@given(st.binary(min_size=32, max_size=32), st.text(max_size=30))
def test_nothing_shares_nothing_and_everything_shares_everything(key, item):
    rank = slider.rank(key, item)
    assert not slider.shared(rank, 0)
    assert slider.shared(rank, 100)


def test_a_ratio_shares_about_its_part():
    shared = sum(slider.shared(slider.rank(KEY, f"item {n}"), 20) for n in range(10_000))
    # Binomial(10,000, 0.2): four standard deviations are 160.
    assert abs(shared - 2000) < 160


def test_another_subject_shares_other_items():
    other = bytes(32)
    assert [slider.rank(KEY, f"{n}") for n in range(5)] != [slider.rank(other, f"{n}") for n in range(5)]


def test_holding_out_is_independent_of_the_rank():
    held = [n for n in range(20_000) if slider.held_out(KEY, f"{n}")]
    assert abs(len(held) - 2000) < 4 * (20_000 * 0.1 * 0.9) ** 0.5
    low = sum(slider.rank(KEY, f"{n}") < 0.5 for n in held)
    assert abs(low - len(held) / 2) < 4 * (len(held) / 4) ** 0.5
