#!/usr/bin/env python3
"""Writes transformers_state_dicts.txt: names and shapes of the parameters of transformers' models.

    python3 tests/layers/make_transformer_state_dicts.py     # needs torch and transformers (5.24 was used)

Small sizes; the tied weights of output layers are left out, as in files.
"""

import pathlib

import torch
import transformers as t

BERT = dict(vocab_size=50, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12,
            max_position_embeddings=16, num_labels=3)
GPT2 = dict(vocab_size=50, n_embd=8, n_layer=2, n_head=2, n_inner=12, n_positions=16)
VIT = dict(hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12, image_size=16,
           patch_size=4, num_labels=3)
MODELS = {
    "bert classification": lambda: t.BertForSequenceClassification(t.BertConfig(**BERT)),
    "bert masked_lm": lambda: t.BertForMaskedLM(t.BertConfig(**BERT)),
    "bert span": lambda: t.BertForQuestionAnswering(t.BertConfig(**BERT)),
    "gpt2 auto": lambda: t.GPT2LMHeadModel(t.GPT2Config(**GPT2)),
    "vit auto": lambda: t.ViTForImageClassification(t.ViTConfig(**VIT)),
}

with open(pathlib.Path(__file__).with_name("transformers_state_dicts.txt"), "w") as out:
    for name, make in MODELS.items():
        print(f"# {name}", file=out)
        with torch.device("meta"):
            model = make()
        for key, parameter in model.named_parameters():  # tied ones once
            shape = list(parameter.shape)
            if name.startswith("gpt2") and key.endswith((".c_attn.weight", ".c_proj.weight", ".c_fc.weight")):
                shape.reverse()  # Conv1D
            print(f"{key} f32{shape}", file=out)
