#!/usr/bin/env python3
"""Writes the golden files of this folder with PyTorch.

    python3 tests/golden/make_golden.py          # needs torch, safetensors and numpy

Ten training steps of LeNet and of VGG-11-BN, twelve steps of each optimizer on one small
parameter, and results and gradients of an LSTM. Initial weights, images, labels and gradients are drawn from Tessera's generator
(framework/core/random.h), which this script repeats, so that the files hold results only: the
losses, and samples of the final weights at indices from the same generator.

The learning rates are low enough that rounding is not amplified: where batch norm's inputs are few
and steps are long, single ReLUs that change sides move the loss by more than the tests allow (seen
when the initial weights are perturbed by 2e-7: 1e-5 in the loss at 3e-5, 4e-4 at 1e-3).
"""

import pathlib

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn

SEED = 2024
STEPS = 10
SAMPLES = 1000  # of each tensor at most
INITIALIZATION_STREAM = 0x10000000  # layers/initialize.h
IMAGE_STREAM, LABEL_STREAM, SAMPLE_STREAM, GRADIENT_STREAM, STATE_STREAM = 1, 2, 3, 4, 5


def words(stream, step, count):
    """The first `count` words of RandomKey{SEED, stream, step}: Philox4x32-10."""
    blocks = (count + 3) // 4
    index = np.arange(blocks, dtype=np.uint64)
    low = np.uint64(0xFFFFFFFF)
    half = np.uint64(32)
    c = [index & low, index >> half, np.full(blocks, stream, np.uint64), np.full(blocks, step, np.uint64)]
    k0, k1 = SEED & 0xFFFFFFFF, SEED >> 32
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(p1 >> half) ^ c[1] ^ np.uint64(k0), p1 & low, (p0 >> half) ^ c[3] ^ np.uint64(k1), p0 & low]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack(c, axis=1).reshape(-1)[:count].astype(np.uint32)


def uniform(stream, step, shape, low, high):
    units = (words(stream, step, int(np.prod(shape))) >> np.uint32(8)).astype(np.float32) * np.float32(2**-24)
    low, high = np.float32(low), np.float32(high)
    return torch.from_numpy((low + (high - low) * units).reshape(shape))


def initialize(model):
    """Tessera's scheme `pytorch`: U(-b, b), b = 1/sqrt(fan_in), for weights and their biases."""
    bound = 0.0
    with torch.no_grad():
        for i, (name, parameter) in enumerate(model.named_parameters()):
            module = model.get_submodule(name.rpartition(".")[0])
            if isinstance(module, nn.BatchNorm2d):
                continue
            if parameter.dim() > 1:
                bound = np.float32(np.sqrt(1 / parameter[0].numel()))
            parameter.copy_(uniform(INITIALIZATION_STREAM + i, 0, tuple(parameter.shape), -bound, bound))


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 20, 5), nn.Conv2d(20, 50, 5)
        self.fc1, self.fc2 = nn.Linear(800, 500), nn.Linear(500, 10)

    def forward(self, x):
        x = torch.max_pool2d(self.conv1(x), 2)
        x = torch.max_pool2d(self.conv2(x), 2)
        return self.fc2(torch.relu(self.fc1(x.flatten(1))))


class Vgg11Bn(nn.Module):
    def __init__(self):
        super().__init__()
        layers, channels = [], 3
        for width in [64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"]:
            if width == "M":
                layers.append(nn.MaxPool2d(2))
            else:
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
                channels = width
        self.features, self.classifier = nn.Sequential(*layers), nn.Linear(512, 10)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


def sampled(tensors):
    """Up to SAMPLES values of each tensor, at word_j * numel / 2^32; small tensors whole."""
    out = {}
    for name, tensor in tensors.items():
        flat = tensor.detach().reshape(-1).numpy()
        if flat.size > SAMPLES:
            index = (words(SAMPLE_STREAM, 0, SAMPLES).astype(np.uint64) * np.uint64(flat.size)) >> np.uint64(32)
            flat = flat[index.astype(np.int64)]
        out[name] = np.ascontiguousarray(flat)
    return out


def train(model, image_shape, batch, lr):
    initialize(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9, weight_decay=5e-4)
    losses = []
    for step in range(STEPS):
        even_or_odd = step % 2  # two batches by turns, so that there is something to learn
        images = uniform(IMAGE_STREAM, even_or_odd, (batch, *image_shape), -1, 1)
        labels = torch.from_numpy((words(LABEL_STREAM, even_or_odd, batch) % 10).astype(np.int64))
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images), labels, label_smoothing=0.1)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return {"losses": np.array(losses, np.float32), **sampled(model.state_dict())}


def optimize():
    """The weight after twelve steps, by the name of the case in tests/optim/optimizer_test.cc."""
    cases = {
        "sgd": (torch.optim.SGD, {}),
        "sgd_momentum": (torch.optim.SGD, {"momentum": 0.9, "weight_decay": 0.01}),
        "sgd_nesterov": (torch.optim.SGD, {"momentum": 0.9, "weight_decay": 0.01, "nesterov": True}),
        "adam": (torch.optim.Adam, {}),
        "adam_l2": (torch.optim.Adam, {"betas": (0.8, 0.99), "weight_decay": 0.1, "eps": 1e-6}),
        "adamw": (torch.optim.AdamW, {"weight_decay": 0.1}),
    }
    out = {}
    for name, (optimizer_type, options) in cases.items():
        weight = nn.Parameter(uniform(GRADIENT_STREAM, 1000, (5, 13), -1, 1).double())
        optimizer = optimizer_type([weight], lr=0.05, **options)
        for step in range(12):
            weight.grad = uniform(GRADIENT_STREAM, step, (5, 13), -1, 1).double()
            optimizer.step()
        out[name] = weight.detach().numpy()
    return out


def lstm():
    """Two layers of both directions over sequences of 6, 2 and 4 steps, with given states:
    results, and the gradients of their sum of squares (see tests/layers/lstm_test.cc)."""
    model = nn.LSTM(5, 7, num_layers=2, bidirectional=True, batch_first=True)
    initialize(model)
    x = uniform(IMAGE_STREAM, 0, (3, 6, 5), -1, 1).requires_grad_()
    h0, c0 = (uniform(STATE_STREAM, i, (4, 3, 7), -1, 1).requires_grad_() for i in range(2))
    packed = nn.utils.rnn.pack_padded_sequence(x, torch.tensor([6, 2, 4]), batch_first=True, enforce_sorted=False)
    output, (h, c) = model(packed, (h0, c0))
    output = nn.utils.rnn.pad_packed_sequence(output, batch_first=True)[0]
    (output.square().sum() + h.square().sum() + c.square().sum()).backward()
    out = {"output": output, "h": h, "c": c, "dx": x.grad, "dh0": h0.grad, "dc0": c0.grad}
    out |= {name: parameter.grad for name, parameter in model.named_parameters()}
    return {name: np.ascontiguousarray(tensor.detach().numpy()) for name, tensor in out.items()}


if __name__ == "__main__":
    folder = pathlib.Path(__file__).parent
    save_file(train(LeNet(), (1, 28, 28), 16, 0.02), folder / "lenet.safetensors")
    save_file(train(Vgg11Bn(), (3, 32, 32), 8, 3e-5), folder / "vgg11_bn.safetensors")
    save_file(optimize(), folder / "optimizers.safetensors")
    save_file(lstm(), folder / "lstm.safetensors")
