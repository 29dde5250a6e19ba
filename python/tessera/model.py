"""Model files as dense arrays, and their way to and from PyTorch modules."""

import json
from dataclasses import dataclass, field

import numpy as np

from .safetensors import read_safetensors, write_safetensors
from .tiles import SUFFIXES, unpack

DECODER = "cls.predictions.decoder."
CONV1D = (".c_attn.weight", ".c_proj.weight", ".c_fc.weight")


@dataclass
class Model:
    """What a model file holds: weights and buffers by their PyTorch names, all dense."""

    weights: dict
    masks: dict = field(default_factory=dict)  # of the pruned weights: bool, True where kept
    config: dict = field(default_factory=dict)  # tessera.config: how to build the model
    metadata: dict = field(default_factory=dict)

    @property
    def sparsity(self):
        """Share of zeros that pruning has left among the pruned weights."""
        kept = sum(int(mask.sum()) for mask in self.masks.values())
        total = sum(mask.size for mask in self.masks.values())
        return 1 - kept / total if total else 0.0

    def to_hugging_face(self):
        """The weights as transformers has them: GPT-2's Conv1D transposed, an untied masked LM's bias twice."""
        model = self.config.get("model", {})
        is_gpt2 = model.get("type") == "gpt2"
        weights = {name: array.T.copy() if is_gpt2 and name.endswith(CONV1D) else array
                   for name, array in self.weights.items()}
        if model.get("head") == "masked_lm" and DECODER + "weight" in weights:
            weights[DECODER + "bias"] = weights["cls.predictions.bias"]
        return weights

    def load_into(self, module):
        """Copies the weights into a torch.nn.Module of the same names and shapes, and returns it.

        What the module ties (a head to its embedding) is in the file once. Raises ValueError for a
        weight that the module lacks, or lacks here, or has in another shape.
        """
        import torch

        state = {name: torch.from_numpy(np.array(array, order="C")) for name, array in self.to_hugging_face().items()}
        there = module.state_dict(keep_vars=True)
        shared = {id(tensor) for name, tensor in there.items() if name in state}
        missing = [name for name, tensor in there.items() if name not in state and id(tensor) not in shared
                   and not name.endswith(("num_batches_tracked", ".position_ids"))]
        unexpected = [name for name in state if name not in there]
        wrong = [f"{name} {tuple(state[name].shape)} for {tuple(tensor.shape)}" for name, tensor in there.items()
                 if name in state and state[name].shape != tensor.shape]
        if missing or unexpected or wrong:
            raise ValueError(f"[load_into] the module must have the file's weights; got missing: {missing}, "
                             f"unexpected: {unexpected}, of another shape: {wrong}.")
        module.load_state_dict(state, strict=False)
        return module


def _metadata_object(metadata, key, path):
    try:
        found = json.loads(metadata.get(key, "{}"))
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"[load] {path}: {key} must be JSON; got {error}.") from error
    if not isinstance(found, dict):
        raise ValueError(f"[load] {path}: {key} must be a JSON object; got {found}.")
    return found


def load(path):
    """Reads any model file (tw, dense or masked). Raises ValueError for one that breaks the format."""
    tensors, metadata = read_safetensors(path)
    sparse = _metadata_object(metadata, "tessera.sparse", path)
    config = _metadata_object(metadata, "tessera.config", path)
    if not isinstance(config.get("model", {}), dict):
        raise ValueError(f"[load] {path}: the model in tessera.config must be a JSON object; got {config['model']}.")
    masks = {}
    for name, entry in sparse.items():
        if name in tensors:
            mask = tensors.pop(f"{name}.mask", None)
            if mask is None or mask.shape != tensors[name].shape:
                raise ValueError(f"[load] {path}: {name} must have a mask of its shape {tensors[name].shape}.")
            masks[name] = mask != 0
            continue
        parts = {suffix: tensors.pop(f"{name}.{suffix}") for suffix in SUFFIXES if f"{name}.{suffix}" in tensors}
        if not isinstance(entry, dict) or not {"shape", "granularity"} <= entry.keys():
            raise ValueError(f"[load] {path}: {name} in tessera.sparse must have shape and granularity; got {entry}.")
        tensors[name], masks[name] = unpack(name, entry["shape"], parts, entry["granularity"])
    if metadata.get("tessera.form") == "hugging_face":
        tensors.pop(DECODER + "bias", None)
        if config.get("model", {}).get("type") == "gpt2":
            tensors = {name: array.T.copy() if name.endswith(CONV1D) else array for name, array in tensors.items()}
    return Model(weights=tensors, masks=masks, config=config, metadata=metadata)


def _to_numpy(tensor):
    tensor = tensor.detach().cpu()
    return (tensor.float() if tensor.is_floating_point() else tensor).numpy()


def save(source, path, metadata=None):
    """Writes the state dict of a torch.nn.Module, or arrays or tensors by name, as a plain safetensors file.

    Of tensors that are one (tied weights) the first is written, as transformers does; tensors of floats as float32.
    """
    if hasattr(source, "state_dict"):
        source = source.state_dict(keep_vars=True)
    arrays, seen = {}, set()
    for name, array in source.items():
        if not hasattr(array, "detach"):
            arrays[name] = array
        elif id(array) not in seen:
            seen.add(id(array))
            arrays[name] = _to_numpy(array)
    write_safetensors(path, arrays, {"format": "pt", **(metadata or {})})
