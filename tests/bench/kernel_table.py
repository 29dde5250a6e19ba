#!/usr/bin/env python3
"""The sparse kernels against the dense ones over the shapes of two networks, as Markdown tables.

    kernel_table.py TESSERA [--cases gemm,conv] [--patterns tw] [--sparsities 0.5,0.75,0.9] [--m 4096] [--seconds 1] [--threads 2]

TESSERA is build/tessera. Cases: gemm, the linear layers of BERT-base at --m rows; conv, the convolutions 2
to 13 of VGG-16 on 32x32 images at batch 64. Each cell is one run of `tessera bench`: the ratio of the best dense
time (a library's or our own kernel's) to the sparse time, and in brackets its share of the ideal 1 / (1 - s);
empty where the pattern cannot have that sparsity.
"""
import argparse
import json
import subprocess

LINEAR = [(768, 768), (768, 3072), (3072, 768)]
# Input channels, output channels, pixels of a side, how often VGG-16 has the layer.
CONVOLUTIONS = [(64, 64, 32, 1), (64, 128, 16, 1), (128, 128, 16, 1), (128, 256, 8, 1), (256, 256, 8, 2),
                (256, 512, 4, 1), (512, 512, 4, 2), (512, 512, 2, 3)]


def bench(arguments, kind, pattern, sparsity, options):
    """The result of one run, or None where the pattern cannot have the sparsity."""
    command = [arguments.program, "bench", kind, "--json", "--pattern", pattern, "--sparsity", str(sparsity),
               "--seconds", str(arguments.seconds), "--threads", str(arguments.threads)]
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if run.returncode != 0 and "one that it can have" not in run.stderr:
        raise SystemExit(run.stderr)
    return json.loads(run.stdout) if run.returncode == 0 else None


def print_table(arguments, kind, cases):
    sparsities = [float(s) for s in arguments.sparsities.split(",")]
    print("| shape | dense: ours / best library | pattern | " + " | ".join(f"{s:.0%}" for s in sparsities) + " |")
    print("|---|---|---|" + "---|" * len(sparsities), flush=True)
    for name, options in cases:
        for pattern in arguments.patterns.split(","):
            results = [bench(arguments, kind, pattern, s, options) for s in sparsities]
            if not any(results):
                continue
            cells = [f"{r['ratio']:.2f} ({r['ratio'] / r['ideal']:.0%})" if r else "" for r in results]
            last = [r for r in results if r][-1]
            print(f"| {name} | {last['dense_ms']:.1f} / {last['best_library_ms']:.1f} ms, {last['best_library']} "
                  f"| {pattern} | " + " | ".join(cells) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--cases", default="gemm,conv")
    parser.add_argument("--patterns", default="tw")
    parser.add_argument("--m", type=int, default=4096)
    parser.add_argument("--sparsities", default="0.5,0.75,0.9")
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    cases = {"gemm": [(f"{k} -> {n}", {"m": arguments.m, "k": k, "n": n}) for k, n in LINEAR],
             "conv": [(f"{i} -> {o}, {size}x{size}" + (f", {count} times" if count > 1 else ""),
                       {"batch": 64, "in": i, "out": o, "size": size}) for i, o, size, count in CONVOLUTIONS]}
    for kind in arguments.cases.split(","):
        print_table(arguments, kind, cases[kind])
        print()


if __name__ == "__main__":
    main()
