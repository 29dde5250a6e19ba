#!/usr/bin/env python3
"""Writes unicode_tables.inc, the character data that the tokenizers need, from Python's unicodedata.

    python3 datasets/tokenizers/make_unicode_tables.py

- kClassRuns: each entry starts a run of code points of one class: code point * 8 + class.
- kLowerRuns: lower case; first, count, stride, offset to the lower-case character.
- kPlainForms: code point and what is left of its canonical decomposition without nonspacing marks,
  where that is one character; kPlainSequences where it is none, or two or three (0 fills).
Hangul syllables decompose by arithmetic and are in neither.
"""
import pathlib
import sys
import unicodedata

# In the order of CharacterClass in unicode.cc.
CLASSES = {"L": 1, "N": 2, "Mn": 3, "P": 4, "Z": 5, "C": 6}
HANGUL = range(0xAC00, 0xAC00 + 11172)


def class_of(c):
    category = unicodedata.category(chr(c))
    if category in ("Cn", "Cs"):  # not assigned, surrogates: neither letter nor control
        return 0
    return CLASSES.get(category, CLASSES.get(category[0], 0))


def class_runs():
    previous = None
    for c in range(sys.maxunicode + 1):
        if (kind := class_of(c)) != previous:
            yield c * 8 + kind
        previous = kind


def lower_runs():
    """Runs of equal offset whose members are one or two apart. U+0130, which becomes two characters,
    is left to the code."""
    runs = []
    for c in range(sys.maxunicode + 1):
        lower = chr(c).lower()
        if len(lower) != 1 or ord(lower) == c:
            continue
        offset = ord(lower) - c
        if runs and runs[-1][3] == offset:
            first, count, stride, _ = runs[-1]
            step = c - (first + (count - 1) * stride)
            if step == stride or (count == 1 and step == 2):
                runs[-1] = (first, count + 1, step, offset)
                continue
        runs.append((c, 1, 1, offset))
    return runs


def plain_forms():
    single, several = [], []
    for c in range(sys.maxunicode + 1):
        decomposed = unicodedata.normalize("NFD", chr(c))
        if c in HANGUL or decomposed == chr(c):
            continue
        plain = [ord(x) for x in decomposed if unicodedata.category(x) != "Mn"]
        assert len(plain) <= 3
        if len(plain) == 1:
            single.append((c, plain[0]))
        else:
            several.append((c, *plain, *[0] * (3 - len(plain))))
    return single, several


def lines(items):
    line = ""
    for item in items:
        if len(line) + len(item) + 4 > 100:
            yield "   " + line
            line = ""
        line += f" {item},"
    yield "   " + line


def table(kind, name, items):
    return "\n".join([f"constexpr {kind} {name}[] = {{", *lines(items), "};", ""])


def row(values):
    return "{" + ", ".join(f"{v:#x}" if v > 9 else str(v) for v in values) + "}"


def main():
    single, several = plain_forms()
    text = "\n".join([
        f"// Unicode {unicodedata.unidata_version}. Written by make_unicode_tables.py; change that.",
        table("uint32_t", "kClassRuns", [f"{entry:#x}" for entry in class_runs()]),
        table("LowerRun", "kLowerRuns", [row(run) for run in lower_runs()]),
        table("PlainForm", "kPlainForms", [row(pair) for pair in single]),
        table("PlainSequence", "kPlainSequences", [row(entry) for entry in several]),
    ])
    path = pathlib.Path(__file__).with_name("unicode_tables.inc")
    path.write_text(text.rstrip() + "\n")
    print(f"{path}: {len(text)} bytes")


if __name__ == "__main__":
    main()
