#!/usr/bin/env python3
"""Writes tests/golden/{bert,gpt2,bert-masked-lm,bert-span,llama,vit} with Hugging Face's transformers.

    python3 tests/golden/make_transformers_golden.py [NAME...]     # needs torch, transformers, safetensors

Small random models as transformers saves them (config.json and weights; GPT-2 in two shards), and
what they compute in fp32: expected.safetensors holds the input, the logits before training and the
losses of ten steps of AdamW without dropout. Weights are stored in bf16 to keep the files small;
both sides widen the same values. The deviation of the weights is 0.1, not 0.02, so that logits are
of order 1 and the tolerance of the test means something. LLaMA and ViT are not imported: LLaMA's
weights stand under the names of our gpt2 with RMS norms, rotary positions and SwiGLU, which
computes the same; ViT's names are ours.
"""

import pathlib
import shutil
import sys

import torch
from safetensors.torch import save_file
from torch.nn import functional
from transformers import (BertConfig, BertForMaskedLM, BertForQuestionAnswering, BertForSequenceClassification,
                          GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, ViTConfig,
                          ViTForImageClassification)

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


def small_bert(**options):
    return BertConfig(
        vocab_size=VOCABULARY, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48,
        max_position_embeddings=32, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, initializer_range=0.1,
        **options)


def padded_batch():
    ids = torch.randint(1, VOCABULARY, (BATCH, TOKENS))
    lengths = torch.tensor([TOKENS, 17, 9, 5])
    places = torch.arange(TOKENS)[None, :]
    segments = (places >= lengths[:, None] // 2).long()
    return ids, lengths, segments, places < lengths[:, None]


def make_masked_lm():
    """Every third token that is there is to be found; its bias is drawn, since 0 would hide that it is there."""
    torch.manual_seed(2025)
    model = BertForMaskedLM(small_bert())
    torch.nn.init.normal_(model.cls.predictions.bias, std=0.5)
    folder = save(model, "bert-masked-lm")
    ids, lengths, segments, mask = padded_batch()
    target = torch.where(mask & (torch.arange(TOKENS) % 3 == 1), torch.randint(0, VOCABULARY, ids.shape), -100)
    expected = train(model, lambda: model(input_ids=ids, attention_mask=mask.long(), token_type_ids=segments).logits, target)
    save_file({"ids": ids, "lengths": lengths, "segments": segments, **expected}, folder / "expected.safetensors")


def make_span():
    """Logits [N, 2, T]: begin and end, -1e4 beyond the length, where transformers leaves what it finds."""
    torch.manual_seed(2026)
    model = BertForQuestionAnswering(small_bert())
    folder = save(model, "bert-span")
    ids, lengths, segments, mask = padded_batch()

    def forward():
        out = model(input_ids=ids, attention_mask=mask.long(), token_type_ids=segments)
        return torch.where(mask[:, None, :], torch.stack([out.start_logits, out.end_logits], 1), -1e4)

    target = torch.tensor([[3, 7], [16, 16], [0, 0], [1, 4]])
    expected = train(model, forward, target)
    save_file({"ids": ids, "lengths": lengths, "segments": segments, **expected}, folder / "expected.safetensors")


def as_gpt2(state):
    """LLaMA's weights under the names of our gpt2, whose linear layers are [out, in]."""
    names = {"self_attn.o_proj": "attn.c_proj", "mlp.gate_proj": "mlp.c_gate", "mlp.up_proj": "mlp.c_fc",
             "mlp.down_proj": "mlp.c_proj", "input_layernorm": "ln_1", "post_attention_layernorm": "ln_2",
             "model.layers.": "transformer.h.", "model.embed_tokens": "transformer.wte", "model.norm": "transformer.ln_f"}
    out = {}
    for name, tensor in state.items():
        if ".k_proj." in name or ".v_proj." in name:
            continue
        if ".q_proj." in name:
            tensor = torch.cat([state[name.replace("q_proj", f"{part}_proj")] for part in "qkv"])
            name = name.replace("self_attn.q_proj", "attn.c_attn")
        for old, new in names.items():
            name = name.replace(old, new)
        out[name] = tensor.contiguous()
    return out


def make_llama():
    torch.manual_seed(2027)
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48,
        max_position_embeddings=32, rms_norm_eps=1e-6, attention_bias=True, mlp_bias=True, initializer_range=0.1,
        rope_theta=10000.0, tie_word_embeddings=False))
    for name, parameter in model.named_parameters():
        if name.endswith("bias") or "norm" in name:
            torch.nn.init.normal_(parameter, mean=1.0 if "norm" in name else 0.0, std=0.2)
        parameter.data = parameter.data.bfloat16().float()  # not its angles
    folder = HERE / "llama"
    folder.mkdir(exist_ok=True)
    weights = as_gpt2(model.state_dict())
    save_file({name: weight.bfloat16() for name, weight in weights.items()}, folder / "model.safetensors")
    ids, target = torch.randint(0, VOCABULARY, (2, BATCH, TOKENS))
    expected = train(model, lambda: model(input_ids=ids).logits, target)
    save_file({"ids": ids, **expected}, folder / "expected.safetensors")


def make_vit():
    torch.manual_seed(2028)
    model = ViTForImageClassification(ViTConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48, image_size=12, patch_size=4,
        num_channels=3, num_labels=5, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, initializer_range=0.1))
    folder = save(model, "vit")
    images, target = torch.randn(BATCH, 3, 12, 12), torch.randint(0, 5, (BATCH,))
    expected = train(model, lambda: model(pixel_values=images).logits, target)
    save_file({"images": images, **expected}, folder / "expected.safetensors")


MAKERS = {"bert": make_bert, "gpt2": make_gpt2, "bert-masked-lm": make_masked_lm, "bert-span": make_span,
          "llama": make_llama, "vit": make_vit}

if __name__ == "__main__":
    torch.manual_seed(2024)
    torch.set_num_threads(1)
    for chosen in sys.argv[1:] or MAKERS:
        MAKERS[chosen]()
