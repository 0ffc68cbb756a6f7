"""Records what single normalisers and pre-tokenizers of `tokenizers` do.

Run: python tests/golden/text/make_stages.py (half a minute). Writes stages.json: sections as in a
tokenizer.json, and hashes of their results. Normalisers see every code point, in blocks; all see
chunks of mixed text.
"""

import json
import pathlib

import tokenizers
from tokenizers import Tokenizer, models

from mixed_text import CHUNK_BYTES, bytes_hash, mixed_text

BLOCK = 4096
# What is assigned or private in the planes above holds no character that a normaliser changes.
BLOCKS = [*range(0, 0x32000, BLOCK), 0xE0000]
CHUNKS = 40
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
          r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
TEKKEN = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|"
          r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|"
          r"\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
HAN_AND_KANA = "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"
BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]


def sequence(kind, *steps):
    return {"type": "Sequence", kind: list(steps)}


def replace(pattern, content, kind="Regex"):
    return {"type": "Replace", "pattern": {kind: pattern}, "content": content}


def split(pattern, behavior="Isolated", invert=False, kind="Regex"):
    return {"type": "Split", "pattern": {kind: pattern}, "behavior": behavior, "invert": invert}


def byte_level(prefix, regex):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True,
            "use_regex": regex}


def metaspace(scheme, cut, mark="\u2581"):
    return {"type": "Metaspace", "replacement": mark, "prepend_scheme": scheme, "split": cut}


NORMALIZERS = [
    *({"type": name} for name in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt",
                                  "ByteLevel")),
    *({"type": "Strip", "strip_left": left, "strip_right": not left} for left in (True, False)),
    {"type": "Prepend", "prepend": "\u2581"}, replace(" ", "\u2581", "String"),
    replace(r"\s{2,}", "~"), replace(r"[^\w\s]+", "<$0>"), replace("e", "", "String"),
    sequence("normalizers", {"type": "NFD"}, {"type": "StripAccents"}, {"type": "Lowercase"},
             {"type": "NFC"})]
PRE_TOKENIZERS = [
    *({"type": "Digits", "individual_digits": each} for each in (True, False)),
    *({"type": "Punctuation", "behavior": behavior} for behavior in BEHAVIORS),
    {"type": "Whitespace"}, {"type": "WhitespaceSplit"},
    {"type": "CharDelimiterSplit", "delimiter": "e"},
    *(split(r"\s+", behavior, invert) for behavior in BEHAVIORS for invert in (False, True)),
    *(split("th", behavior, kind="String") for behavior in BEHAVIORS),
    *(metaspace(scheme, cut) for scheme in ("always", "first", "never") for cut in (True, False)),
    *(byte_level(prefix, regex) for prefix in (True, False) for regex in (True, False)),
    split(LLAMA3), split(LLAMA3, "Removed", True), split(LLAMA3.replace("{1,3}", "")),
    split(TEKKEN),                                          # Mistral's and GPT-4o's kind
    split(" ", "MergedWithPrevious", kind="String"),        # Gemma
    sequence("pretokenizers", {"type": "Digits", "individual_digits": True},
             byte_level(False, True)),                      # SmolLM, StarCoder
    sequence("pretokenizers", {"type": "Punctuation", "behavior": "Contiguous"},
             byte_level(False, True), {"type": "Digits", "individual_digits": False},
             split("[0-9][0-9][0-9]")),                     # Falcon
    sequence("pretokenizers", split(r"\p{N}{1,3}"), split(HAN_AND_KANA),
             split(TEKKEN), byte_level(False, False)),      # DeepSeek's kind
    sequence("pretokenizers", split("[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"),
             split(HAN_AND_KANA), {"type": "Digits", "individual_digits": True},
             byte_level(False, False)),
    sequence("pretokenizers", {"type": "WhitespaceSplit"}, metaspace("always", True))]


def stage(key, section):
    """The part of a tokenizer with only that section."""
    data = json.loads(Tokenizer(models.BPE()).to_str())
    data[key] = section
    return getattr(Tokenizer.from_str(json.dumps(data)), key)


def block(first):
    """Each code point of a block between a letter and two marks."""
    return "".join("x" + chr(c) + "\u0323\u0307" for c in range(max(first, 1), first + BLOCK)
                   if not 0xD800 <= c < 0xE000)


def main():
    chunks = [mixed_text(CHUNK_BYTES, 7_000 + seed) for seed in range(CHUNKS)]
    result = {"versions": {"tokenizers": tokenizers.__version__}, "normalizers": [],
              "pre_tokenizers": []}
    for section in NORMALIZERS:
        steps = stage("normalizer", section)
        apply = lambda text: bytes_hash(steps.normalize_str(text).encode())
        golden = {"section": section, "mixed": "".join(map(apply, chunks))}
        if "Regex" not in section.get("pattern", {}):  # whose classes follow the system's PCRE2
            golden["blocks"] = "".join(apply(block(first)) for first in BLOCKS)
        result["normalizers"].append(golden)
    for section in PRE_TOKENIZERS:
        steps = stage("pre_tokenizer", section)
        pieces = lambda text: b"".join(piece.encode() + b"\0"
                                       for piece, _ in steps.pre_tokenize_str(text))
        result["pre_tokenizers"].append({
            "section": section, "mixed": "".join(bytes_hash(pieces(text)) for text in chunks)})
    path = pathlib.Path(__file__).with_name("stages.json")
    path.write_text(json.dumps(result, ensure_ascii=True, indent=0) + "\n")


if __name__ == "__main__":
    main()
