"""Merkle trees as in RFC 6962 § 2.1, over stored nodes: what is asked of a tree costs O(log n) of them.

A node that is stored is a perfect subtree: `(level, index)` covers the leaves from index · 2^level on, 2^level of
them. Once complete it never changes. Every hash that a root or a proof needs is one such node, or the ragged right
edge, which is folded from a few of them.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence

Place = tuple[int, int]
"""Level and index of a perfect subtree; a leaf is on level 0."""

Nodes = Callable[[Sequence[Place]], dict[Place, bytes]]
"""Gives the hashes of stored nodes."""

EMPTY_ROOT = hashlib.sha256().digest()


def leaf_hash(data: bytes) -> bytes:
    """MTH({d}) = SHA-256(0x00 || d)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Growth:
    """A tree that grows to the right, remembering no more than its right edge."""

    def __init__(self, size: int, nodes: Nodes):
        """
        Args:
            size: leaves that the tree has.
            nodes: where its nodes are stored.
        """
        self.size = size
        places = _subtrees(0, size)
        stored = nodes(places)
        self._edge = [(place, stored[place]) for place in places]

    def add(self, leaf: bytes) -> Iterator[tuple[Place, bytes]]:
        """Append a leaf hash; yields the nodes that it completes, the leaf first."""
        place, value = (0, self.size), leaf
        self.size += 1
        yield place, value
        while self._edge and self._edge[-1][0][0] == place[0]:
            (level, index), left = self._edge.pop()
            place, value = (level + 1, index // 2), node_hash(left, value)
            yield place, value
        self._edge.append((place, value))

    def root(self) -> bytes:
        """Root of what is there; of no leaves it is SHA-256 of nothing."""
        return _folded([value for _, value in self._edge]) if self._edge else EMPTY_ROOT


def root(size: int, nodes: Nodes) -> bytes:
    """Root of the first `size` leaves."""
    return Growth(size, nodes).root()


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Root over leaf hashes that are all at hand: level by level, the last of an odd number unchanged."""
    level = list(leaves)
    if not level:
        return hashlib.sha256().digest()
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [node_hash(left, right) for left, right in pairs] + level[len(level) & ~1 :]
    return level[0]


def inclusion_proof(index: int, size: int, nodes: Nodes) -> list[bytes]:
    """PATH(index, D[size]), RFC 6962 § 2.1.1: the siblings from leaf to root.

    Raises:
        ValueError: there is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not among {size}")
    return _hashes(list(_path(index, 0, size)), nodes)


def consistency_proof(old: int, new: int, nodes: Nodes) -> list[bytes]:
    """PROOF(old, D[new]), RFC 6962 § 2.1.2: that the tree of `old` leaves begins the tree of `new`.

    Raises:
        ValueError: the old tree is empty, or larger than the new one.
    """
    if not 0 < old <= new:
        raise ValueError(f"{old} leaves do not begin a tree of {new}")
    return _hashes(list(_subproof(old, 0, new, whole=True)), nodes)


def root_from_proof(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root that an inclusion proof leads to (RFC 9162 § 2.1.3.2).

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


def assert_consistent(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Check a consistency proof (RFC 9162 § 2.1.4.2). Every tree begins with the empty one.

    Raises:
        ValueError: the old tree does not begin the new one, or the proof doesn't show it.
    """
    if not 0 <= old <= new:
        raise ValueError(f"{old} leaves do not begin a tree of {new}")
    if old in (0, new):
        if proof or old_root != (new_root if old else EMPTY_ROOT) or (new == 0 and new_root != EMPTY_ROOT):
            raise ValueError("the trees differ, or the proof is too long")
        return
    place, last = old - 1, new - 1
    while place % 2 == 1:
        place, last = place // 2, last // 2
    rest = iter(proof if place else [old_root, *proof])
    try:
        first = second = next(rest)
        while last > 0:
            if place % 2 == 1:
                sibling = next(rest)
                first, second = node_hash(sibling, first), node_hash(sibling, second)
            elif place < last:
                second = node_hash(second, next(rest))
            place, last = place // 2, last // 2
    except StopIteration:
        raise ValueError("the proof is too short") from None
    if next(rest, None) is not None:
        raise ValueError("the proof is too long")
    if (first, second) != (old_root, new_root):
        raise ValueError("the old tree does not begin the new one")


def _path(index: int, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Ranges of leaves whose hashes make up the path, from the leaf on."""
    if end - start == 1:
        return
    middle = start + _largest_power_below(end - start)
    if index < middle:
        yield from _path(index, start, middle)
        yield middle, end
    else:
        yield from _path(index, middle, end)
        yield start, middle


def _subproof(old: int, start: int, end: int, whole: bool) -> Iterator[tuple[int, int]]:
    """Ranges of leaves whose hashes make up SUBPROOF(old, D[start:end], whole)."""
    if old == end:
        if not whole:
            yield start, end
        return
    middle = start + _largest_power_below(end - start)
    if old <= middle:
        yield from _subproof(old, start, middle, whole)
        yield middle, end
    else:
        yield from _subproof(old, middle, end, whole=False)
        yield start, middle


def _hashes(ranges: Sequence[tuple[int, int]], nodes: Nodes) -> list[bytes]:
    """Hash of each range; the nodes are asked for at once."""
    parts = [_subtrees(start, end) for start, end in ranges]
    stored = nodes([place for part in parts for place in part])
    return [_folded([stored[place] for place in part]) for part in parts]


def _subtrees(start: int, end: int) -> list[Place]:
    """The perfect subtrees that make up a range, from the left; its start is a boundary of the first."""
    places = []
    while start < end:
        level = (end - start).bit_length() - 1
        places.append((level, start >> level))
        start += 1 << level
    return places


def _folded(hashes: Sequence[bytes]) -> bytes:
    """The hash over perfect subtrees that stand side by side, the largest first."""
    *rest, value = hashes
    for left in reversed(rest):
        value = node_hash(left, value)
    return value


def _largest_power_below(size: int) -> int:
    return 1 << ((size - 1).bit_length() - 1)
