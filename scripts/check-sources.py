#!/usr/bin/env python3
"""Checks the sources by rules that no compiler knows; prints every breach and exits 1 if any.

- A folder includes only folders before it in ORDER.
- Public headers include nothing third-party, so that users need none of those packages' headers.
- A header starts with #pragma once after its comment; no source file has more than 500 lines.
- A type is defined in one place: two of one name in different files are one name to the linker, which
  then mixes their inline functions without a word.
- No -march or -m<instruction set> flags: kernels use target attributes and run-time dispatch,
  since a flag on a whole file lets inline functions with such instructions reach other files.
"""
import pathlib
import re
import subprocess
import sys

ORDER = ["core", "autograd", "backend", "ops", "sparse", "io", "layers", "optim", "pruning",
         "datasets", "infer", "generate", "train", "cli"]
MAX_LINES = 500
# Headers of single backends, which installing leaves out.
PRIVATE_HEADER = re.compile(r"onednn|_cpu\.h$|_cuda\.h$|/cuda\.h$|/simd")
THIRD_PARTY = re.compile(r"<(cuda|cublas|cudnn|nvtx|dnnl|Eigen/|yaml-cpp/|CLI/|nlohmann/|stb/|curl/|zlib|cblas|doctest/)")
ROOT = pathlib.Path(__file__).resolve().parent.parent


def folder_of(path):
    """"ops" for framework/ops/relu.h and "layers" for layers/models/vgg.h; None outside ORDER."""
    parts = path.split("/")
    name = parts[1] if parts[0] == "framework" and len(parts) > 2 else parts[0]
    return name if name in ORDER and len(parts) > 1 else None


def check_source(path, lines):
    folder = folder_of(path)
    if len(lines) > MAX_LINES:
        yield f"{path}: {len(lines)} lines; at most {MAX_LINES}. Split it by what it does"
    is_public = path.endswith(".h") and folder and not PRIVATE_HEADER.search(path)
    if path.endswith(".h"):
        code = [line for line in lines if line.strip() and not line.lstrip().startswith("//")]
        if not code or code[0] != "#pragma once":
            yield f"{path}: a header starts with #pragma once, after its comment"
    for number, line in enumerate(lines, 1):
        if is_public and (third := re.match(r"#include\s+(<[^>]+>)", line)):
            if THIRD_PARTY.match(third[1]):
                yield f"{path}:{number}: a public header includes {third[1]}. Move it to the .cc"
        include = re.match(r'#include\s+"([^"]+)"', line)
        used = folder_of(include[1]) if include else None
        if folder and used and ORDER.index(used) > ORDER.index(folder):
            yield (f"{path}:{number}: {folder} includes {include[1]}, but {used} comes after it "
                   f"({' < '.join(ORDER)})")


def types_in(lines):
    """The types that a file defines at the level of its named namespace."""
    nameless = False
    for line in lines:
        nameless = (nameless or line.startswith("namespace {")) and line != "}  // namespace"
        if not nameless and (match := re.match(r"(?:struct|class|enum class) (\w+)(?: [^;(]*)?\{", line)):
            yield match[1]


def check_types(sources):
    """`sources`: lines by path. Nested types (Outer::Inner) are of their outer type."""
    defined = {}
    for path, lines in sources.items():
        for name in types_in(lines):
            if defined.setdefault(name, path) != path:
                yield f"{path}: the type {name} is defined in {defined[name]}, too. Rename one"


def check_build_file(path, lines):
    for number, line in enumerate(lines, 1):
        if re.search(r"-m(arch|tune|cpu|avx|fma|amx|sse)", line.split("#")[0]):
            yield f"{path}:{number}: no instruction-set flags; use target attributes and dispatch"


def main():
    listed = subprocess.run(["git", "ls-files", "*.h", "*.cc", "*.cu", "*.cuh", "*CMakeLists.txt", "*.cmake"],
                            cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
    errors, sources = [], {}
    paths = [path for path in listed if path and (ROOT / path).exists()]
    for path in paths:
        lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
        is_build_file = path.endswith(("CMakeLists.txt", ".cmake"))
        errors += (check_build_file if is_build_file else check_source)(path, lines)
        if not is_build_file and folder_of(path):
            sources[path] = lines
    errors += check_types(sources)
    print("\n".join(errors) if errors else f"{len(paths)} files follow the rules")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
