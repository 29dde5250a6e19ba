"""safetensors files (github.com/huggingface/safetensors) with NumPy."""

import json

import numpy as np

MAX_HEADER = 100_000_000
DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "U8": "u1",
          "BOOL": "?"}
WRITTEN = {"float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64", "int32": "I32", "uint8": "U8",
           "bool": "BOOL"}


def _require(condition, message):
    if not condition:
        raise ValueError(f"[safetensors] {message}")


def _no_duplicates(pairs):
    names = [name for name, _ in pairs]
    _require(len(set(names)) == len(names), f"no name may occur twice; got {names}.")
    return dict(pairs)


def _is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _read_header(data, path):
    _require(len(data) >= 8, f"{path} must have 8 bytes for the header's length; got {len(data)}.")
    length = int.from_bytes(data[:8], "little")
    _require(length <= min(MAX_HEADER, len(data) - 8), f"{path}: the header must lie in the file; got {length} bytes.")
    try:
        header = json.loads(data[8:8 + length].decode("utf-8"), object_pairs_hook=_no_duplicates)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"[safetensors] {path}: the header must be JSON in UTF-8; got {error}.") from error
    _require(isinstance(header, dict), f"{path}: the header must be a JSON object.")
    return header, data[8 + length:]


def _array(name, entry, data, path):
    _require(isinstance(entry, dict) and set(entry) == {"dtype", "shape", "data_offsets"},
             f"{path}: {name} must have dtype, shape and data_offsets; got {entry}.")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    _require(isinstance(dtype, str) and dtype in DTYPES, f"{path}: {name} must have one of the types {sorted(DTYPES)}; got {dtype}.")
    _require(isinstance(shape, list) and all(map(_is_count, shape)), f"{path}: {name} has no shape; got {shape}.")
    _require(isinstance(offsets, list) and len(offsets) == 2 and all(map(_is_count, offsets)),
             f"{path}: {name} has no range; got {offsets}.")
    count = 1
    for extent in shape:
        count *= extent
    size = count * np.dtype(DTYPES[dtype]).itemsize
    _require(offsets[1] - offsets[0] == size and offsets[1] <= len(data),
             f"{path}: the bytes of {name} must be {size}, in the file; got the range {offsets}.")
    array = np.frombuffer(data[offsets[0]:offsets[1]], DTYPES[dtype]).reshape(shape)
    if dtype == "BF16":
        return (array.astype("<u4") << 16).view("<f4")
    return array.copy()


def read_safetensors(path):
    """(arrays by name, metadata). Raises ValueError for a file that breaks a rule of the format."""
    with open(path, "rb") as file:
        header, data = _read_header(file.read(), path)
    metadata = header.pop("__metadata__", {})
    _require(isinstance(metadata, dict) and all(isinstance(value, str) for value in metadata.values()),
             f"{path}: __metadata__ must hold texts; got {metadata}.")
    arrays = {name: _array(name, entry, data, path) for name, entry in header.items()}
    end = 0
    for begin, stop in sorted(tuple(entry["data_offsets"]) for entry in header.values()):
        _require(begin == end, f"{path}: the tensors must follow each other without holes; got {begin} after {end}.")
        end = stop
    _require(end == len(data), f"{path}: nothing may follow the last tensor; got {len(data) - end} bytes.")
    return arrays, metadata


def write_safetensors(path, arrays, metadata=None):
    """Writes arrays by name: float64, float32, float16, int64, int32, uint8 or bool."""
    header, chunks, offset = {"__metadata__": dict(metadata or {})}, [], 0
    order = sorted(arrays, key=lambda name: (-np.asarray(arrays[name]).dtype.itemsize, name))
    for name in order:
        array = np.asarray(arrays[name])
        _require(array.dtype.name in WRITTEN, f"{name} must be of a type {sorted(WRITTEN)}; got {array.dtype}.")
        dtype = WRITTEN[array.dtype.name]
        chunk = np.ascontiguousarray(array, DTYPES[dtype]).tobytes()
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [offset, offset + len(chunk)]}
        chunks.append(chunk)
        offset += len(chunk)
    text = json.dumps(header).encode("utf-8")
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for chunk in chunks:
            file.write(chunk)
