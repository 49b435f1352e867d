"""Merkle trees as in RFC 6962 § 2.1: hashes, roots and inclusion proofs."""

import hashlib


def leaf_hash(data: bytes) -> bytes:
    """MTH({d}) = SHA-256(0x00 || d)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_hash(leaves: list[bytes]) -> bytes:
    """Root over leaf hashes; of no leaves it is SHA-256 of nothing."""
    if not leaves:
        return hashlib.sha256().digest()
    level = leaves
    while len(level) > 1:
        # An odd node rises unchanged: the same tree as the recursive definition's.
        paired = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = paired + level[len(paired) * 2 :]
    return level[0]


def inclusion_proof(index: int, leaves: list[bytes]) -> list[bytes]:
    """PATH(index, leaves): the siblings from leaf to root.

    Raises:
        ValueError: there is no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise ValueError(f"leaf {index} is not among {len(leaves)}")
    proof = []
    level, place = leaves, index
    while len(level) > 1:
        sibling = place ^ 1
        if sibling < len(level):
            proof.append(level[sibling])
        paired = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = paired + level[len(paired) * 2 :]
        place //= 2
    return proof


def root_from_proof(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes:
    """The root that a proof leads to (RFC 9162 § 2.1.3.2).

    Raises:
        ValueError: the proof has not the length that this index and size ask for.
    """
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not among {size}")
    node, last = leaf, size - 1
    rest = iter(proof)
    try:
        while last > 0:
            if index % 2 == 1:
                node = node_hash(next(rest), node)
            elif index < last:
                node = node_hash(node, next(rest))
            index, last = index // 2, last // 2
    except StopIteration:
        raise ValueError("the proof is too short") from None
    if next(rest, None) is not None:
        raise ValueError("the proof is too long")
    return node
