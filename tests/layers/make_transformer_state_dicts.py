#!/usr/bin/env python3
"""Writes transformers_state_dicts.txt: names and shapes in the files of transformers' models.

    python3 tests/layers/make_transformer_state_dicts.py     # needs torch and transformers (5.24 was used)

Small sizes. What files hold, not modules: transformers renames some when it loads them.
"""

import pathlib
import tempfile

from safetensors.torch import load_file
from transformers import (BertConfig, BertForMaskedLM, BertForQuestionAnswering, BertForSequenceClassification,
                          GPT2Config, GPT2LMHeadModel, ViTConfig, ViTForImageClassification)

BERT = dict(vocab_size=50, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12,
            max_position_embeddings=16, num_labels=3)
GPT2 = dict(vocab_size=50, n_embd=8, n_layer=2, n_head=2, n_inner=12, n_positions=16)
VIT = dict(hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12, image_size=16,
           patch_size=4, num_labels=3)
MODELS = {
    "bert classification": lambda: BertForSequenceClassification(BertConfig(**BERT)),
    "bert masked_lm": lambda: BertForMaskedLM(BertConfig(**BERT)),
    "bert span": lambda: BertForQuestionAnswering(BertConfig(**BERT | {"num_labels": 2})),
    "gpt2 auto": lambda: GPT2LMHeadModel(GPT2Config(**GPT2)),
    "vit auto": lambda: ViTForImageClassification(ViTConfig(**VIT)),
}

with open(pathlib.Path(__file__).with_name("transformers_state_dicts.txt"), "w") as out:
    for name, make in MODELS.items():
        print(f"# {name}", file=out)
        with tempfile.TemporaryDirectory() as folder:
            make().save_pretrained(folder)
            state = load_file(pathlib.Path(folder) / "model.safetensors")
        for key, tensor in state.items():
            shape = list(tensor.shape)
            if name.startswith("gpt2") and key.endswith((".c_attn.weight", ".c_proj.weight", ".c_fc.weight")):
                shape.reverse()  # Conv1D
            print(f"{key} f32{shape}", file=out)
