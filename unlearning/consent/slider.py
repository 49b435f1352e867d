"""The nested slider: which interactions a share ratio covers.

Every pair has a rank in [0, 1), a keyed hash. It is shared iff rank < ratio. Moving the slider from
80 % to 50 % therefore unshares exactly the ranks in [0.5, 0.8): deterministic, explainable, and no
list of choices to keep.
"""

import hmac

_HELD_OUT_SHARE = 0.1


def rank(subject_key: bytes, item: str) -> float:
    """Place of a pair on the slider: HMAC-SHA256(subject key, item) as a fraction.

    Args:
        subject_key: the subject's random key, 32 bytes.
        item: the item's external id.
    """
    return _fraction(subject_key, b"rank\0" + item.encode())


def held_out(subject_key: bytes, item: str) -> bool:
    """Whether a pair is kept for evaluation (a tenth of them), by a hash independent of the rank."""
    return _fraction(subject_key, b"held-out\0" + item.encode()) < _HELD_OUT_SHARE


def shared(pair_rank: float, share_percent: int) -> bool:
    """Whether a share ratio in percent covers a rank."""
    return pair_rank < share_percent / 100


def _fraction(key: bytes, message: bytes) -> float:
    # 53 bits: the most that a double holds without rounding up to 1.
    return (int.from_bytes(hmac.digest(key, message, "sha256")[:8], "big") >> 11) * 2.0**-53
