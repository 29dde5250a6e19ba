import json, numpy as np
DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "U8": "u1"}
def load(path):  # name -> array, sparse weights as dense ones
    f = open(path, "rb")
    head, data, tensors = json.loads(f.read(int.from_bytes(f.read(8), "little"))), f.read(), {}
    sparse = json.loads(head.pop("__metadata__", {}).get("tessera.sparse", "{}"))
    for name, h in head.items():
        a = np.frombuffer(data[slice(*h["data_offsets"])], DTYPES[h["dtype"]]).reshape(h["shape"])
        tensors[name] = (a.astype("<u4") << 16).view("<f4") if h["dtype"] == "BF16" else a
    for name, shape in [(k, v["shape"]) for k, v in sparse.items() if k not in tensors]:
        v, meta, n, rows, k, columns, r, c, rest = [tensors.pop(f"{name}.{x}", np.zeros(0, int)) for x in (
            "tw_values", "tw_meta", "tw_n_ptr", "tw_n_idx", "tw_k_ptr", "tw_k_idx", "tew_row", "tew_col", "tew_values")]
        w, g, p = np.zeros(shape, "f4").reshape(shape[0], -1), 4 if meta.size else 1, np.resize(meta[:, None] >> [0, 2, 4, 6] & 3, v.size)
        for i, j in zip(np.split(rows, n[1:-1]), np.split(columns, k[1:-1])):
            s = i.size * (at := np.flatnonzero(np.arange(j.size) % g < 2) // g * g).size  # 2:4 sparse: 2 of 4, at p
            w[i[:, None], j[at + p[:s].reshape(i.size, at.size)]], v, p = v[:s].reshape(i.size, at.size), v[s:], p[s:]
        w[r, c], tensors[name] = rest, w.reshape(shape)
    return tensors
