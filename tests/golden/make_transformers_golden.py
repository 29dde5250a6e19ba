#!/usr/bin/env python3
"""Writes tests/golden/{bert,gpt2} with Hugging Face's transformers.

    python3 tests/golden/make_transformers_golden.py     # needs torch, transformers, safetensors

Two small random models as transformers saves them (config.json and weights; GPT-2 in two shards),
and what they compute in fp32: expected.safetensors holds the input, the logits before training and
the losses of ten steps of AdamW without dropout. Weights are stored in bf16 to keep the files
small; both sides widen the same values. The deviation of the weights is 0.1, not 0.02, so that
logits are of order 1 and the tolerance of the test means something.
"""

import pathlib
import shutil

import torch
from safetensors.torch import save_file
from torch.nn import functional
from transformers import BertConfig, BertForSequenceClassification, GPT2Config, GPT2LMHeadModel

HERE = pathlib.Path(__file__).parent
STEPS, LR, WEIGHT_DECAY = 10, 1e-3, 0.01
VOCABULARY, BATCH, TOKENS = 96, 4, 24


def save(model, name, **options):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    model.bfloat16().save_pretrained(folder, **options)
    for extra in folder.glob("generation_config.json"):
        extra.unlink()
    return folder


def train(model, forward, target):
    """The logits before and the losses of each step, over the last axis of the logits."""
    model.float().train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, weight_decay=WEIGHT_DECAY)
    losses, first = [], None
    for _ in range(STEPS):
        logits = forward()
        first = logits.detach().clone() if first is None else first
        loss = functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), target.reshape(-1))
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return {"logits": first.contiguous(), "losses": torch.tensor(losses), "target": target}


def make_bert():
    config = BertConfig(
        vocab_size=VOCABULARY, hidden_size=128, num_hidden_layers=2, num_attention_heads=4, intermediate_size=256,
        max_position_embeddings=32, num_labels=3, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        initializer_range=0.1)
    model = BertForSequenceClassification(config)
    folder = save(model, "bert")
    ids = torch.randint(1, VOCABULARY, (BATCH, TOKENS))
    lengths = torch.tensor([TOKENS, 17, 9, 2])
    segments = (torch.arange(TOKENS)[None, :] >= lengths[:, None] // 2).long()
    mask = (torch.arange(TOKENS)[None, :] < lengths[:, None]).long()
    target = torch.tensor([0, 2, 1, 2])
    expected = train(model, lambda: model(input_ids=ids, attention_mask=mask, token_type_ids=segments).logits, target)
    save_file({"ids": ids, "lengths": lengths, "segments": segments, **expected}, folder / "expected.safetensors")


def make_gpt2():
    config = GPT2Config(
        vocab_size=VOCABULARY, n_embd=128, n_layer=2, n_head=4, n_inner=256, n_positions=32, resid_pdrop=0.0,
        embd_pdrop=0.0, attn_pdrop=0.0, initializer_range=0.1, bos_token_id=0, eos_token_id=0)
    model = GPT2LMHeadModel(config)
    folder = save(model, "gpt2", max_shard_size="300KB")
    ids, target = torch.randint(0, VOCABULARY, (2, BATCH, TOKENS))
    expected = train(model, lambda: model(input_ids=ids).logits, target)
    save_file({"ids": ids, **expected}, folder / "expected.safetensors")


if __name__ == "__main__":
    torch.manual_seed(2024)
    torch.set_num_threads(1)
    make_bert()
    make_gpt2()
