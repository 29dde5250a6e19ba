#!/usr/bin/env python3
"""Writes torchvision_state_dicts.txt: names, types and shapes of torchvision's state dicts.

    python3 tests/layers/make_state_dicts.py     # needs torch and torchvision (0.29 was used)
"""

import pathlib

import torch
import torchvision

MODELS = [f"vgg{depth}{suffix}" for suffix in ("", "_bn") for depth in (11, 13, 16, 19)]
MODELS += ["resnet18", "resnet34", "resnet50"]

with open(pathlib.Path(__file__).with_name("torchvision_state_dicts.txt"), "w") as out:
    for name in MODELS:
        print(f"# {name}", file=out)
        with torch.device("meta"):
            model = getattr(torchvision.models, name)()
        for key, tensor in model.state_dict().items():
            dtype = "i64" if tensor.dtype == torch.int64 else "f32"
            print(f"{key} {dtype}{list(tensor.shape)}", file=out)
