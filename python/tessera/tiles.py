"""A packed weight (docs/file-format.md) as a dense array: tiles, 2:4 sparse tiles, single weights."""

import math

import numpy as np

SUFFIXES = ("tw_n_ptr", "tw_n_idx", "tw_k_ptr", "tw_k_idx", "tw_values", "tw_meta", "tew_row", "tew_col", "tew_values")


def _require(condition, name, message):
    if not condition:
        raise ValueError(f"[tiles] {name}: {message}")


def _check_pointer(name, word, pointer, indices):
    _require(pointer.size >= 1 and pointer[0] == 0 and pointer[-1] == indices.size and np.all(np.diff(pointer) >= 0),
             name, f"{word}_ptr must rise from 0 to the length of {word}_idx = {indices.size}; got {pointer.tolist()}.")


def _check_indices(name, what, indices, below):
    _require(np.all((indices >= 0) & (indices < below)), name, f"{what} must lie in [0, {below}).")
    _require(np.all(np.diff(indices) > 0), name, f"{what} must grow strictly; got {indices.tolist()}.")


def _places(name, meta, inputs, begin, count, outputs):
    """Where in its tile's inputs each of `count` values lies, [outputs, kept]: 2 of each 4."""
    numbers = np.arange(begin, begin + count)
    places = (meta[numbers // 4] >> (2 * (numbers % 4)).astype(np.uint8)) & 3
    group = np.flatnonzero(np.arange(inputs) % 4 < 2) // 4 * 4
    columns = group + places.reshape(outputs, -1)
    same_group = group[1:] == group[:-1]
    _require(np.all(columns < inputs) and np.all(np.diff(columns, axis=1)[:, same_group] > 0), name,
             "the places of tw_meta must lie in their groups and grow.")
    return columns


def unpack(name, shape, tensors, granularity=None):
    """The dense float32 array of `shape`, and its mask (bool; a zero that is stored is a pruned weight, too).

    `tensors` holds what stands in the file for the weight `name`, without "<name>." before it.
    Raises ValueError where an invariant of the format does not hold.
    """
    _require(isinstance(shape, (list, tuple)) and len(shape) >= 2
             and all(type(extent) is int and extent >= 1 for extent in shape), name, f"must have rank 2 or more; got {shape}.")
    _require(granularity is None or type(granularity) is int, name, f"granularity must be a number; got {granularity}.")
    for suffix, array in tensors.items():
        wanted = "f" if suffix.endswith("values") else "u" if suffix == "tw_meta" else "i"
        _require(array.ndim == 1 and array.dtype.kind == wanted, name,
                 f"{suffix} must be a list of its type; got {array.dtype}{list(array.shape)}.")
    empty = np.zeros(0, np.int64)
    n_ptr, n_idx, k_ptr, k_idx, values, meta, row, col, rest = (
        tensors.get(suffix, empty) for suffix in SUFFIXES)
    dense = np.zeros((shape[0], math.prod(shape[1:])), np.float32)
    mask = np.zeros(dense.shape, bool)
    _require(n_ptr.size == k_ptr.size, name, f"n_ptr and k_ptr must be equally long; got {n_ptr.size} and {k_ptr.size}.")
    _check_pointer(name, "n", n_ptr, n_idx)
    _check_pointer(name, "k", k_ptr, k_idx)
    _require(np.unique(n_idx).size == n_idx.size, name, "an output must belong to one tile at most.")
    taken, has_meta = 0, "tw_meta" in tensors
    for tile in range(n_ptr.size - 1):
        n, k = n_idx[n_ptr[tile]:n_ptr[tile + 1]], k_idx[k_ptr[tile]:k_ptr[tile + 1]]
        _check_indices(name, f"outputs of tile {tile}", n, dense.shape[0])
        _check_indices(name, f"inputs of tile {tile}", k, dense.shape[1])
        _require(n.size >= 1 and (granularity is None or n.size <= granularity), name,
                 f"tile {tile} must have 1 to {granularity} outputs; got {n.size}.")
        kept = 2 * (k.size // 4) + min(2, k.size % 4) if has_meta else k.size
        count = n.size * kept
        _require(taken + count <= values.size and (not has_meta or (taken + count + 3) // 4 <= meta.size), name,
                 f"tw_values must have as many elements as the blocks; got {values.size}.")
        columns = (k[_places(name, meta, k.size, taken, count, n.size)] if has_meta and count
                   else np.broadcast_to(k[:kept], (n.size, kept)))
        dense[n[:, None], columns] = values[taken:taken + count].reshape(n.size, kept)
        mask[n[:, None], columns] = True
        taken += count
    _require(taken == values.size, name, f"tw_values must have {taken} elements; got {values.size}.")
    _require(row.size == col.size == rest.size, name, "tew_row, tew_col and tew_values must be equally long.")
    _require(np.all((row >= 0) & (row < dense.shape[0]) & (col >= 0) & (col < dense.shape[1])), name,
             "single weights must lie in the matrix.")
    flat = row.astype(np.int64) * dense.shape[1] + col
    _require(np.all(np.diff(flat) > 0), name, "single weights must be sorted, without repetition.")
    _require(not np.any(mask[row, col]), name, "single weights must be disjoint from the tiles.")
    dense[row, col] = rest
    mask[row, col] = True
    return dense.reshape(shape), (mask & (dense != 0)).reshape(shape)
