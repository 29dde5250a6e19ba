#!/usr/bin/env python3
"""Training steps of Tessera and PyTorch in turn, in one run, and their ratios.

    train_step_torch.py BENCH_PROGRAM [--python PYTHON] [--models resnet18,vgg16_bn,bert_mini,gpt_mini] [--rounds 3]

BENCH_PROGRAM is build/tests/bench/bench_train_step. PYTHON is the interpreter whose PyTorch is compared
with (this one by default). Each round starts one process per side, so that peak memory is that of one
model and one side. A step is forward, cross-entropy, backward and update (SGD with momentum for images, AdamW
for text), in fp32. bert_mini and gpt_mini are those of transformers with its scaled_dot_product_attention.
"""
import argparse
import json
import resource
import statistics
import subprocess
import sys
import time

VGG16 = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"]


def resnet18(nn):
    import torch.nn.functional as F

    class Block(nn.Module):
        def __init__(self, inputs, width, stride):
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(width)
            self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(width)
            self.downsample = None
            if stride != 1 or inputs != width:
                self.downsample = nn.Sequential(
                    nn.Conv2d(inputs, width, 1, stride, bias=False), nn.BatchNorm2d(width))

        def forward(self, x):
            y = F.relu(self.bn1(self.conv1(x)), inplace=True)
            y = self.bn2(self.conv2(y))
            y += x if self.downsample is None else self.downsample(x)
            return F.relu(y, inplace=True)

    layers = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)]
    inputs = 64
    for width in (64, 128, 256, 512):
        layers += [Block(inputs, width, 1 if width == 64 else 2), Block(width, width, 1)]
        inputs = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


def vgg16_bn(nn):
    layers, inputs = [], 3
    for width in VGG16:
        if width == "M":
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.Conv2d(inputs, width, 3, padding=1), nn.BatchNorm2d(width),
                       nn.ReLU(inplace=True)]
            inputs = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


# Samples of a batch.
BATCH = {"resnet18": 128, "vgg16_bn": 128, "bert_mini": 32, "gpt_mini": 16}


def image_task(arguments, model):
    import torch

    layout = torch.channels_last if arguments.channels_last else torch.contiguous_format
    model = model.to(memory_format=layout)
    x = torch.randn(arguments.batch, 3, 32, 32).contiguous(memory_format=layout)
    target = torch.randint(0, 10, (arguments.batch,))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    return optimizer, lambda: torch.nn.functional.cross_entropy(model(x), target)


def bert_mini(arguments):
    import torch
    import transformers

    model = transformers.BertForSequenceClassification(transformers.BertConfig(
        vocab_size=8000, hidden_size=256, num_hidden_layers=4, num_attention_heads=4, intermediate_size=1024,
        max_position_embeddings=64, num_labels=2, attn_implementation="sdpa"))
    ids = torch.randint(0, 8000, (arguments.batch, 64))
    target = torch.randint(0, 2, (arguments.batch,))
    mask = torch.ones_like(ids)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, fused=True)
    return optimizer, lambda: torch.nn.functional.cross_entropy(model(ids, attention_mask=mask).logits, target)


def gpt_mini(arguments):
    import torch
    import transformers

    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(
        vocab_size=65, n_embd=128, n_layer=4, n_head=4, n_positions=128, attn_implementation="sdpa"))
    ids = torch.randint(0, 65, (arguments.batch, 128))
    target = torch.randint(0, 65, (arguments.batch * 128,))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, fused=True)
    return optimizer, lambda: torch.nn.functional.cross_entropy(
        model(ids, use_cache=False).logits.reshape(-1, 65), target)


def run_torch(arguments):
    import torch

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    tasks = {"resnet18": lambda: image_task(arguments, resnet18(torch.nn)),
             "vgg16_bn": lambda: image_task(arguments, vgg16_bn(torch.nn)),
             "bert_mini": lambda: bert_mini(arguments), "gpt_mini": lambda: gpt_mini(arguments)}
    optimizer, loss_of = tasks[arguments.models]()
    seconds = []
    for _ in range(arguments.warmup + arguments.steps):
        start = time.perf_counter()
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        optimizer.step()
        loss.item()
        seconds.append(time.perf_counter() - start)
    step = statistics.median(seconds[arguments.warmup:])
    print(json.dumps({"rows_per_s": arguments.batch / step, "torch": torch.__version__,
                      "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def call(command):
    out = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(out.stdout.splitlines()[-1])


def compare(arguments, model):
    batch = arguments.batch or BATCH[model]
    common = [batch, arguments.threads, arguments.steps, arguments.warmup]
    torch_command = [arguments.python, __file__, "-", "--torch", "--models", model]
    for name, value in zip(("batch", "threads", "steps", "warmup"), common):
        torch_command += ["--" + name, value]
    sides = {"tessera": [arguments.program, model, *common], "torch": torch_command}
    if model in ("resnet18", "vgg16_bn"):
        sides["torch channels_last"] = [*torch_command, "--channels-last"]
    results = {side: [] for side in sides}
    for _ in range(arguments.rounds):
        for side, command in sides.items():
            results[side].append(call(command))
    best = {side: max(r["rows_per_s"] for r in runs) for side, runs in results.items()}
    peak = {side: max(r["peak_rss_mib"] for r in runs) for side, runs in results.items()}
    print(f"{model}, batch {batch}, {arguments.threads} threads, "
          f"PyTorch {results['torch'][0]['torch']}, best of {arguments.rounds} rounds")
    for side in sides:
        ratios = [t["rows_per_s"] / o["rows_per_s"]
                  for t, o in zip(results["tessera"], results[side])]
        print(f"  {side:20} {best[side]:7.1f} samples/s {peak[side]:6.0f} MiB   "
              f"tessera/this: best {best['tessera'] / best[side]:.2f}, "
              f"median of rounds {statistics.median(ratios):.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--models", default="resnet18,vgg16_bn")
    parser.add_argument("--batch", type=int, help="that of the model where not given")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--torch", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--channels-last", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.torch:
        run_torch(arguments)
    else:
        for model in arguments.models.split(","):
            compare(arguments, model)


if __name__ == "__main__":
    main()
