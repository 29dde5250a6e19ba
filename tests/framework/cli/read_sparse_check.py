"""Usage: read_sparse_check.py SPARSE DENSE. Both, read by docs/read_sparse.py and by python/tessera, hold the same
arrays; those of python/tessera are zero where its masks say so,
and nowhere else."""
import pathlib
import sys

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[3]
READER = ROOT / "docs" / "read_sparse.py"
sys.path[:0] = [str(READER.parent), str(ROOT / "python")]
sys.dont_write_bytecode = True
import read_sparse  # noqa: E402
import tessera  # noqa: E402

assert len(READER.read_text().splitlines()) <= 18, "the reader must fit 18 lines"
sparse, dense = (read_sparse.load(path) for path in sys.argv[1:])
dense = {name: a for name, a in dense.items() if not name.endswith(".mask")}
sparse = {name: a for name, a in sparse.items() if not name.endswith(".mask")}
assert sparse.keys() == dense.keys(), sparse.keys() ^ dense.keys()
for name, want in dense.items():
    got = sparse[name]
    assert got.shape == want.shape and got.dtype == want.dtype, (name, got.shape, want.shape)
    assert np.array_equal(got, want), f"{name}: {np.sum(got != want)} values differ"
model = tessera.load(sys.argv[1])
assert model.weights.keys() == sparse.keys() and model.masks, model.weights.keys() ^ sparse.keys()
for name, want in sparse.items():
    assert np.array_equal(model.weights[name], want), f"{name} of python/tessera"
for name, mask in model.masks.items():
    assert np.array_equal(mask, model.weights[name] != 0), f"the mask of {name}"
assert 0 < model.sparsity < 1, model.sparsity
assert any(np.mean(a == 0) > 0.5 for a in sparse.values() if a.ndim > 1), "no array is sparse"
