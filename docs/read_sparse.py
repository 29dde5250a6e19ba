import json, numpy as np
DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "U8": "u1"}
def load(path):  # name -> array, sparse weights as dense ones
    raw = open(path, "rb").read()
    n = 8 + int.from_bytes(raw[:8], "little")
    head, data, tensors = json.loads(raw[8:n]), raw[n:], {}
    sparse = json.loads(head.pop("__metadata__", {}).get("tessera.sparse", "{}"))
    for name, h in head.items():
        a = np.frombuffer(data[slice(*h["data_offsets"])], DTYPES[h["dtype"]]).reshape(h["shape"])
        tensors[name] = (a.astype("<u4") << 16).view("<f4") if h["dtype"] == "BF16" else a
    for name, shape in [(k, v["shape"]) for k, v in sparse.items() if k not in tensors]:
        w = np.zeros((shape[0], int(np.prod(shape[1:]))), np.float32)
        v, n, rows, k, columns, r, c, rest = [tensors.pop(f"{name}.{x}", np.zeros(0, int)) for x in (
            "tw_values", "tw_n_ptr", "tw_n_idx", "tw_k_ptr", "tw_k_idx", "tew_row", "tew_col", "tew_values")]
        for i, j in zip(np.split(rows, n[1:-1]), np.split(columns, k[1:-1])):
            w[np.ix_(i, j)], v = v[:i.size * j.size].reshape(i.size, j.size), v[i.size * j.size:]
        w[r, c], tensors[name] = rest, w.reshape(shape)
    return tensors
