#!/usr/bin/env python3
"""Training throughput of Tessera and PyTorch on one GPU, in turn, in one run, with their ratios.

    train_throughput_torch.py PROGRAM [--models resnet50:224:128,bert_base:64,...] [--precision bf16] [--rounds 3]

PROGRAM is build/tessera. A model is NAME:IMAGE_SIZE:BATCH, one of torchvision's names; at 32 pixels
ResNet-18 has the CIFAR stem and the VGGs one linear layer. A text model is NAME:BATCH, one of TEXTS: that of
transformers, from its config. PyTorch runs under autocast, eager and compiled; images channels-last with fused SGD
and momentum, texts with its scaled_dot_product_attention and fused AdamW. Both sides drop the share --dropout in
Transformers (by default both models' own, 0.1), and measure cuDNN's engines (--autotune, cudnn.benchmark). A step is
forward, cross-entropy, backward and update, on a batch that stays on the device. Each side is a process of its own,
so that memory is one side's.
"""
import argparse
import json
import statistics
import subprocess
import sys
import time


def torch_model(name, size):
    import torch
    import torchvision

    model = getattr(torchvision.models, name)(num_classes=10 if size <= 64 else 1000)
    if size > 64:
        return model
    if name.startswith("resnet"):
        model.conv1 = torch.nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        model.maxpool = torch.nn.Identity()
    else:
        model.avgpool = torch.nn.Identity()
        model.classifier = torch.nn.Linear(512, 10)
    return model


# Those of framework/train/bench_task.h: layers, width, heads, vocabulary, sequence.
TEXTS = {"bert_mini": (4, 256, 4, 8000, 64), "gpt_mini": (4, 128, 4, 65, 128),
         "bert_base": (12, 768, 12, 30522, 128), "gpt2_124m": (12, 768, 12, 50257, 1024)}


def image_task(name, size, batch):
    """Model, optimizer, and the logits of the model with their targets."""
    import torch

    model = torch_model(name, size).cuda().to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, fused=True)
    x = torch.randn(batch, 3, size, size, device="cuda").contiguous(memory_format=torch.channels_last)
    target = torch.randint(0, 10, (batch,), device="cuda")
    return model, optimizer, lambda run: run(x), target


def text_task(name, batch, dropout):
    """Without an attention mask, the full length: PyTorch may take its fastest attention."""
    import torch
    import transformers

    layers, width, heads, vocabulary, sequence = TEXTS[name]
    ids = torch.randint(0, vocabulary, (batch, sequence), device="cuda")
    if name.startswith("bert"):
        model = transformers.BertForSequenceClassification(transformers.BertConfig(
            vocab_size=vocabulary, hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads,
            intermediate_size=4 * width, max_position_embeddings=sequence, num_labels=2, hidden_dropout_prob=dropout,
            attention_probs_dropout_prob=dropout, attn_implementation="sdpa"))
        target = torch.randint(0, 2, (batch,), device="cuda")
        logits = lambda run: run(ids).logits
    else:
        model = transformers.GPT2LMHeadModel(transformers.GPT2Config(
            vocab_size=vocabulary, n_embd=width, n_layer=layers, n_head=heads, n_positions=sequence,
            resid_pdrop=dropout, embd_pdrop=dropout, attn_pdrop=dropout, attn_implementation="sdpa"))
        target = torch.randint(0, vocabulary, (batch * sequence,), device="cuda")
        logits = lambda run: run(ids, use_cache=False).logits.view(-1, vocabulary)
    model = model.cuda().train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01, fused=True)
    return model, optimizer, logits, target


def run_torch(arguments):
    import torch

    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = True
    name, *extents = arguments.models.split(":")
    batch = int(extents[-1])
    if name in TEXTS:
        model, optimizer, logits, target = text_task(name, batch, 0.1 if arguments.dropout < 0 else arguments.dropout)
    else:
        model, optimizer, logits, target = image_task(name, int(extents[0]), batch)
    if arguments.side == "compile":
        model = torch.compile(model)
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}[arguments.precision]
    scaler = torch.amp.GradScaler("cuda", enabled=dtype is torch.float16)

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cuda", dtype=dtype, enabled=dtype is not torch.float32):
            loss = torch.nn.functional.cross_entropy(logits(model), target)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()

    for _ in range(arguments.warmup):
        step()
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    rounds = []
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(arguments.steps):
            step()
        torch.cuda.synchronize()
        rounds.append((time.perf_counter() - start) / arguments.steps)
    rate = batch * (TEXTS[name][-1] if name in TEXTS else 1) / statistics.median(rounds)
    print(json.dumps({unit_of(name) + "_per_s": rate, "torch": torch.__version__,
                      "peak_mib": torch.cuda.max_memory_allocated() / 2**20,
                      "reserved_mib": torch.cuda.max_memory_reserved() / 2**20}))


def unit_of(name):
    return "tokens" if name in TEXTS else "images"


def call(command):
    out = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(out.stdout.splitlines()[-1])


def compare(arguments, model):
    name, *size, batch = model.split(":")
    shared = ["--precision", arguments.precision, "--steps", arguments.steps, "--warmup", arguments.warmup,
              f"--dropout={arguments.dropout}"]
    sides = {"tessera": [arguments.program, "bench", "train", "--model", name, "--batch", batch, "--device", "cuda",
                         "--autotune", "--json", *shared, *(["--image-size", size[0]] if size else [])]}
    for side in ("eager", "compile"):
        sides[side] = [sys.executable, __file__, "-", "--models", model, "--side", side, *shared]
    results = {side: [] for side in sides}
    for _ in range(arguments.rounds):
        for side, command in sides.items():
            results[side].append(call(command))
    unit = unit_of(name)
    rate = {side: statistics.median(r[unit + "_per_s"] for r in runs) for side, runs in results.items()}
    row = [model, arguments.precision, f"{rate['tessera']:.0f} {unit}/s"]
    for side in ("eager", "compile"):
        row += [f"{rate[side]:.0f}", f"{rate['tessera'] / rate[side]:.2f}"]
    for side in sides:
        last = results[side][-1]
        row.append(f"{last['peak_mib']:.0f} ({last['reserved_mib']:.0f})")
    print("| " + " | ".join(row) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument(
        "--models",
        default="resnet50:224:128,vgg16:224:64,resnet18:32:128,vgg16_bn:32:128,bert_base:64,gpt2_124m:8")
    parser.add_argument("--precision", choices=("bf16", "fp16", "fp32"), default="bf16")
    parser.add_argument("--dropout", type=float, default=-1, help="-1: the model's own")
    parser.add_argument("--steps", type=int, default=20, help="of a round; the median of 5 rounds counts")
    parser.add_argument("--warmup", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=1, help="processes of each side, in turn")
    parser.add_argument("--side", choices=("eager", "compile"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        return run_torch(arguments)
    print("| model | precision | Tessera | eager | ratio | compiled | ratio "
          "| peak MiB (reserved) Tessera | eager | compiled |\n|---|---|---|---|---|---|---|---|---|---|")
    for model in arguments.models.split(","):
        compare(arguments, model)


if __name__ == "__main__":
    main()
