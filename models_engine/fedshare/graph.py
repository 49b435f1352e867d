"""Bipartite graphs as symmetric sparse operators."""

import warnings

import torch
from torch import Tensor

# The layout is marked beta by torch; the operations used here are covered by tests.
warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")


def csr(rows: Tensor, columns: Tensor, values: Tensor, size: tuple[int, int]) -> Tensor:
    """Build a CSR matrix from unordered, distinct coordinates."""
    order = torch.argsort(rows * size[1] + columns)
    counts = torch.bincount(rows, minlength=size[0])
    pointers = torch.zeros(size[0] + 1, dtype=torch.int64, device=rows.device)
    pointers[1:] = torch.cumsum(counts, 0)
    return torch.sparse_csr_tensor(pointers, columns[order], values[order], size=size, check_invariants=True)


class Incidence:
    """A sparse operator B [rows, columns] with its transpose, for products in both directions."""

    def __init__(self, rows: Tensor, columns: Tensor, values: Tensor, size: tuple[int, int]):
        self.forward = csr(rows, columns, values, size)
        self.backward = csr(columns, rows, values, (size[1], size[0]))

    def __matmul__(self, dense: Tensor) -> Tensor:
        """B @ dense for dense [columns, replicas, d]; shape [rows, replicas, d]."""
        return _multiply(self.forward, dense)

    def transposed(self, dense: Tensor) -> Tensor:
        """Bᵀ @ dense for dense [rows, replicas, d]; shape [columns, replicas, d]."""
        return _multiply(self.backward, dense)


def _multiply(matrix: Tensor, dense: Tensor) -> Tensor:
    flat = dense.reshape(dense.shape[0], -1)
    return (matrix @ flat).view(matrix.shape[0], *dense.shape[1:])


def normalized(subjects: Tensor, items: Tensor, n_subjects: int, n_items: int) -> Incidence:
    """D_u^-1/2 · B · D_i^-1/2, LightGCN's symmetric normalisation (He et al., SIGIR 2020, eq. 3)."""
    subject_degree = torch.bincount(subjects, minlength=n_subjects).to(torch.float32)
    item_degree = torch.bincount(items, minlength=n_items).to(torch.float32)
    values = torch.rsqrt(subject_degree[subjects] * item_degree[items])
    return Incidence(subjects, items, values, (n_subjects, n_items))
