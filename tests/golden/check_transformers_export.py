#!/usr/bin/env python3
"""Imports the golden models by the program, exports them, loads the result in transformers.

    python3 tests/golden/check_transformers_export.py build/tessera     # needs torch and transformers

Prints the largest difference of the logits to those that transformers computed from its own file,
for f32 and bf16 exports, and of python/tessera's load_into(); exits 1 where one is above 1e-5.
"""

import pathlib
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file
from transformers import (BertForMaskedLM, BertForQuestionAnswering, BertForSequenceClassification,
                          GPT2LMHeadModel, ViTForImageClassification)

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "python"))
import tessera  # noqa: E402

TOLERANCE = 1e-5  # logits of about 1, in fp32, on another processor than the golden ones


def logits_of(name, model, expected):
    if name == "vit":
        return model(pixel_values=expected["images"]).logits
    if name == "gpt2":
        return model(input_ids=expected["ids"]).logits
    mask = torch.arange(expected["ids"].shape[1])[None, :] < expected["lengths"][:, None]
    out = model(input_ids=expected["ids"], token_type_ids=expected["segments"], attention_mask=mask.long())
    if name != "bert-span":
        return out.logits
    return torch.where(mask[:, None, :], torch.stack([out.start_logits, out.end_logits], 1), -1e4)


def main(program):
    worst = 0.0
    for name, kind in (("bert", BertForSequenceClassification), ("gpt2", GPT2LMHeadModel),
                       ("bert-masked-lm", BertForMaskedLM), ("bert-span", BertForQuestionAnswering),
                       ("vit", ViTForImageClassification)):
        expected = load_file(HERE / name / "expected.safetensors")
        for dtype in ("f32", "bf16"):
            with tempfile.TemporaryDirectory() as folder:
                imported, exported = f"{folder}/imported.safetensors", f"{folder}/model.safetensors"
                for command in (["import", str(HERE / name), "-o", imported],
                                ["export", imported, "-o", exported, "--format", "dense", "--dtype", dtype]):
                    subprocess.run([program, *command], check=True, stdout=subprocess.DEVNULL)
                model = kind.from_pretrained(folder, dtype=torch.float32).eval()
                candidates = {f"export {dtype}": model}
                if name != "vit":  # whose modules transformers 5 names otherwise than its files
                    candidates["load_into"] = kind(model.config).eval()
                    tessera.load(imported).load_into(candidates["load_into"])
            with torch.no_grad():
                for title, candidate in candidates.items():
                    difference = (logits_of(name, candidate, expected) - expected["logits"]).abs().max().item()
                    worst = max(worst, difference)
                    print(f"{name:14} {title:12} {difference:.1e}")
    return 0 if worst <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
