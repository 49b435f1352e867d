"""RFC 6962's tree against the published reference roots and proofs."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.evidence.tlog.merkle import (
    Growth,
    assert_consistent,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root,
    root_from_proof,
)

# The eight leaves, roots and proofs of the Certificate Transparency reference implementation's tests.
LEAVES = [
    leaf_hash(bytes.fromhex(leaf))
    for leaf in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION = {
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


def grown(leaves):
    """A store of nodes over leaf hashes."""
    stored = {}
    tree = Growth(0, lambda places: {})
    for leaf in leaves:
        stored.update(tree.add(leaf))
    return lambda places: {place: stored[place] for place in places}


def some_leaves(count):
    return [leaf_hash(n.to_bytes(4, "big")) for n in range(count)]


def by_definition(leaves):
    """MTH as RFC 6962 § 2.1 writes it."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256().digest()
    middle = 1
    while middle * 2 < len(leaves):
        middle *= 2
    return node_hash(by_definition(leaves[:middle]), by_definition(leaves[middle:]))


def test_the_empty_tree_is_the_hash_of_nothing():
    assert root(0, grown([])).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_the_published_ones(size):
    assert root(size, grown(LEAVES)).hex() == ROOTS[size - 1]


@pytest.mark.parametrize(("asked", "published"), INCLUSION.items())
def test_inclusion_proofs_are_the_published_ones(asked, published):
    assert [node.hex() for node in inclusion_proof(*asked, grown(LEAVES))] == published


@pytest.mark.parametrize(("asked", "published"), CONSISTENCY.items())
def test_consistency_proofs_are_the_published_ones(asked, published):
    assert [node.hex() for node in consistency_proof(*asked, grown(LEAVES))] == published


@given(st.integers(0, 300), st.integers(0, 40))
def test_a_tree_that_goes_on_growing_has_the_root_of_the_definition(size, more):
    leaves = some_leaves(size + more)
    tree = Growth(size, grown(leaves[:size]))
    for leaf in leaves[size:]:
        list(tree.add(leaf))
    assert tree.root() == root(len(leaves), grown(leaves)) == by_definition(leaves)


@given(st.integers(1, 300), st.data())
def test_every_leaf_proves_its_place_and_no_other(size, data):
    leaves = some_leaves(size)
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, grown(leaves))
    assert len(proof) <= size.bit_length()
    assert root_from_proof(leaves[index], index, size, proof) == by_definition(leaves)
    assert root_from_proof(leaf_hash(b"another"), index, size, proof) != by_definition(leaves)
    with pytest.raises(ValueError, match="too long"):
        root_from_proof(leaves[index], index, size, [*proof, b"\0" * 32])
    if proof:
        with pytest.raises(ValueError, match="too short"):
            root_from_proof(leaves[index], index, size, proof[:-1])


@given(st.integers(1, 300), st.data())
def test_a_tree_proves_that_it_only_grew(new, data):
    leaves = some_leaves(new)
    old = data.draw(st.integers(1, new))
    old_root, new_root = by_definition(leaves[:old]), by_definition(leaves)
    proof = consistency_proof(old, new, grown(leaves))
    assert_consistent(old, old_root, new, new_root, proof)
    assert_consistent(0, by_definition([]), new, new_root, [])
    for wrong in ((b"\1" * 32, new_root), (old_root, b"\1" * 32)):
        with pytest.raises(ValueError, match=r"differ|does not begin"):
            assert_consistent(old, wrong[0], new, wrong[1], proof)
    with pytest.raises(ValueError, match="too long"):
        assert_consistent(old, old_root, new, new_root, [*proof, b"\0" * 32])
    if proof:
        with pytest.raises(ValueError, match=r"too short|does not begin"):
            assert_consistent(old, old_root, new, new_root, proof[:-1])


@given(st.integers(2, 200), st.data())
def test_a_rewritten_past_is_not_consistent(new, data):
    leaves = some_leaves(new)
    old = data.draw(st.integers(1, new - 1))
    changed = data.draw(st.integers(0, old - 1))
    fork = [*leaves[:changed], leaf_hash(b"forged"), *leaves[changed + 1 :]]
    with pytest.raises(ValueError, match="does not begin"):
        assert_consistent(
            old, by_definition(leaves[:old]), new, by_definition(fork), consistency_proof(old, new, grown(fork))
        )


@pytest.mark.parametrize("index", [-1, 3])
def test_there_is_no_proof_of_a_leaf_that_is_not_there(index):
    with pytest.raises(ValueError, match="not among"):
        inclusion_proof(index, 3, grown(some_leaves(3)))


@pytest.mark.parametrize(("old", "new"), [(0, 3), (4, 3)])
def test_there_is_no_consistency_proof_of_what_does_not_begin_the_tree(old, new):
    with pytest.raises(ValueError, match="do not begin"):
        consistency_proof(old, new, grown(some_leaves(new)))
