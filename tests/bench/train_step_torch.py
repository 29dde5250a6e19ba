#!/usr/bin/env python3
"""Training steps of Tessera and PyTorch in turn, in one run, and their ratios.

    train_step_torch.py BENCH_PROGRAM [--python PYTHON] [--models resnet18,vgg16_bn] [--rounds 3]

BENCH_PROGRAM is build/tests/bench/bench_train_step. PYTHON is the interpreter whose PyTorch is compared
with (this one by default). Each round starts one process per side, so that peak memory is that of one
model and one side. A step is forward, cross-entropy, backward and SGD with momentum, in fp32.
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


def run_torch(arguments):
    import torch

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    layout = torch.channels_last if arguments.channels_last else torch.contiguous_format
    model = {"resnet18": resnet18, "vgg16_bn": vgg16_bn}[arguments.models](torch.nn)
    model = model.to(memory_format=layout)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    x = torch.randn(arguments.batch, 3, 32, 32).contiguous(memory_format=layout)
    target = torch.randint(0, 10, (arguments.batch,))
    seconds = []
    for _ in range(arguments.warmup + arguments.steps):
        start = time.perf_counter()
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(x), target)
        loss.backward()
        optimizer.step()
        loss.item()
        seconds.append(time.perf_counter() - start)
    step = statistics.median(seconds[arguments.warmup:])
    print(json.dumps({"images_per_s": arguments.batch / step, "torch": torch.__version__,
                      "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def call(command):
    out = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(out.stdout.splitlines()[-1])


def compare(arguments, model):
    common = [arguments.batch, arguments.threads, arguments.steps, arguments.warmup]
    torch_command = [arguments.python, __file__, "-", "--torch", "--models", model]
    for name, value in zip(("batch", "threads", "steps", "warmup"), common):
        torch_command += ["--" + name, value]
    sides = {"tessera": [arguments.program, model, *common], "torch": torch_command,
             "torch channels_last": [*torch_command, "--channels-last"]}
    results = {side: [] for side in sides}
    for _ in range(arguments.rounds):
        for side, command in sides.items():
            results[side].append(call(command))
    best = {side: max(r["images_per_s"] for r in runs) for side, runs in results.items()}
    peak = {side: max(r["peak_rss_mib"] for r in runs) for side, runs in results.items()}
    print(f"{model}, batch {arguments.batch}, {arguments.threads} threads, "
          f"PyTorch {results['torch'][0]['torch']}, best of {arguments.rounds} rounds")
    for side in sides:
        ratios = [t["images_per_s"] / o["images_per_s"]
                  for t, o in zip(results["tessera"], results[side])]
        print(f"  {side:20} {best[side]:7.1f} images/s {peak[side]:6.0f} MiB   "
              f"tessera/this: best {best['tessera'] / best[side]:.2f}, "
              f"median of rounds {statistics.median(ratios):.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--models", default="resnet18,vgg16_bn")
    parser.add_argument("--batch", type=int, default=128)
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
