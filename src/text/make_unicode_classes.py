"""Writes unicode_classes.inc: the character classes that the `tokenizers` package sees.

Its pieces come from two libraries of different Unicode versions (Oniguruma for patterns, Rust's own
tables for Digits, Punctuation and Whitespace), so the classes are measured rather than taken from
one edition of the Unicode data. Run: python src/text/make_unicode_classes.py (half a minute).
"""

import pathlib

import tokenizers
from tokenizers import Regex, pre_tokenizers

POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def members(pre_tokenizer, prefix):
    """Code points that the pre-tokenizer cuts off from `prefix`."""
    return {c for c in POINTS if len(pre_tokenizer.pre_tokenize_str(prefix + chr(c))) == 2}


def pattern_class(pattern):
    return members(pre_tokenizers.Split(Regex(pattern), "isolated"), "\u0001")


CLASSES = [  # (bit, members): the bits of CharClass in unicode.h
    (1, pattern_class(r"\p{L}")),
    (2, pattern_class(r"\p{N}")),
    (4, pattern_class(r"\s")),
    (8, pattern_class(r"\p{M}")),
    (16, pattern_class(r"\p{P}")),
    (32, members(pre_tokenizers.Digits(individual_digits=True), "a")),
    (64, members(pre_tokenizers.Punctuation(), "a")),
    (128, members(pre_tokenizers.Whitespace(), "!")),
]

values = [0] * 0x110000
for bit, points in CLASSES:
    for point in points:
        values[point] |= bit

entries = []
previous = None
for point, value in enumerate(values):
    if value != previous:
        entries.append(f"{{0x{point:X},{value}}},")
        previous = value

lines = [f"// Made by make_unicode_classes.py with tokenizers {tokenizers.__version__}: each entry",
         "// is the first code point of a run and the CharClass bits of the run."]
line = ""
for entry in entries:
    if len(line) + len(entry) > 99:
        lines.append(line)
        line = ""
    line += entry
lines.append(line)
pathlib.Path(__file__).with_name("unicode_classes.inc").write_text("\n".join(lines) + "\n")
print(len(entries), "runs,", len(lines), "lines")
