"""Trains small tokenizers of each kind and records what `tokenizers` and sentencepiece say.

    python tests/golden/text/make_tokenizers.py [--train NAME ...]

Records goldens.json from the files beside it (a minute); with --train, first makes NAME's file anew
(NAME.tokenizer.json or NAME.model). What is recorded is what the library says after reading the
file, which can differ from the tokenizer just trained: reading may change the last bit of a score.
"""

import base64
import collections
import io
import json
import pathlib
import sys

import sentencepiece
import tokenizers
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers,
                        processors, trainers)

from mixed_text import CHUNK_BYTES, chunk_hashes, mixed_text

HERE = pathlib.Path(__file__).parent
CORPUS = [mixed_text(CHUNK_BYTES, 100_000 + seed) for seed in range(40)]
COMMON = {char for char, _ in collections.Counter("".join(CORPUS)).most_common(160)}
# For models over characters, whose vocabularies hold every character they were trained on.
SMALL_CORPUS = ["".join(char for char in text if char in COMMON) for text in CORPUS]
SYMBOLS = ["<|im_start|>", "\n", "of  the", "\u2581</s"]  # user-defined pieces
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
          r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
         r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
         r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}|"
         r" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
CASES = [
    "", " ", "  ", "\n", "a", "Hello world", " Hello  world ",
    "Hello, y'all! How are you \U0001F601?",
    "I'm you're WE'LL don'T", "1 12 123 1234 12345", "\n\n1 = \t2\r\n\r\n  x",
    "e\u0301 \u00e9 \ufb01 \uff21", "\u4f60\u597d\uff0c\u4e16\u754c",
    "\u0645\u0631\u062d\u0628\u0627 12\u0663",
    "\U0001F469\u200d\U0001F469\u200d\U0001F467",
    "<s>a</s> b<|im_start|>user\nhi<|im_end|>", "x<|im_start|>y <s> z", "word words <mask> w<mask>w",
    "\u0001\u0002\u007f\u0085\u00a0\u200b\ufeff", "caf\u00e9 na\u00efve \u0130stanbul STRASSE",
    "\u2581a \u2581\u2581b", "<0x41><0xZZ>", "tail   ",
    "\u00b2\u00b3\u00bc \u0661", "a\u0300\u0301b", "Ab3$%^_-=+",
]


def bpe_trainer(size, specials=(), alphabet=True):
    return trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(specials), show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet() if alphabet else [])


def trained(tokenizer, trainer, corpus=tuple(SMALL_CORPUS)):
    tokenizer.train_from_iterator(corpus, trainer)
    return tokenizer


def byte_level(pre, specials=("<|endoftext|>",), normalizer=None, **model):
    tokenizer = Tokenizer(models.BPE(**model))
    tokenizer.pre_tokenizer = pre
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.decoder = decoders.ByteLevel()
    return trained(tokenizer, bpe_trainer(600, specials), CORPUS)


def split_byte_level(pattern):
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def gpt2():
    tokenizer = byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False))
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def prefix_space():
    tokenizer = byte_level(pre_tokenizers.ByteLevel(add_prefix_space=True),
                           ["<s>", "</s>", "<mask>"])
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 1), ("<s>", 0))
    return tokenizer


def smollm():
    return byte_level(pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False)]), ["<|im_start|>", "<|im_end|>"])


def llama3():
    tokenizer = byte_level(split_byte_level(LLAMA3), ["<s>", "</s>"], ignore_merges=True)
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B",
                                      special_tokens=[("<s>", 0)])])
    return tokenizer


def qwen2():
    tokenizer = byte_level(split_byte_level(QWEN2), normalizer=normalizers.NFC())
    tokenizer.add_special_tokens(["<|im_start|>", "<|im_end|>"])
    return tokenizer


def falcon():
    return byte_level(pre_tokenizers.Sequence([
        pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.ByteLevel(add_prefix_space=False),
        pre_tokenizers.Digits(individual_digits=False),
        pre_tokenizers.Split(Regex("[0-9][0-9][0-9]"), "isolated")]))


def o200k():
    return byte_level(split_byte_level(O200K))


def byte_fallback():
    """As Llama 2: no pre-tokenizer, spaces as U+2581, bytes for what is unknown."""
    specials = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    trainer_of = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    trainer_of.pre_tokenizer = pre_tokenizers.Metaspace()
    trained(trainer_of, trainers.BpeTrainer(vocab_size=700, special_tokens=specials,
                                            limit_alphabet=120, show_progress=False))
    data = json.loads(trainer_of.to_str())
    data["added_tokens"] = data["added_tokens"][:3]
    tokenizer = Tokenizer.from_str(json.dumps(data))
    tokenizer.pre_tokenizer = None
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    tokenizer.decoder = decoders.Sequence([
        decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(),
        decoders.Strip(" ", 1, 0)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    return tokenizer


def unigram(pre, normalizer=None):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.decoder = decoders.Metaspace()
    return trained(tokenizer, trainers.UnigramTrainer(
        vocab_size=700, special_tokens=["<s>", "</s>", "<unk>"], unk_token="<unk>",
        initial_alphabet=[], show_progress=False))


def metaspace_unigram():
    return unigram(pre_tokenizers.Metaspace(prepend_scheme="first"), normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Strip(), normalizers.Replace(Regex(" {2,}"), " ")]))


def message_field(data, wanted):
    """The last bytes field of that number in a protobuf message."""
    def varint(at):
        value = shift = 0
        while True:
            value |= (data[at] & 127) << shift
            shift += 7
            at += 1
            if data[at - 1] < 128:
                return value, at
    at, found = 0, b""
    while at < len(data):
        key, at = varint(at)
        if key & 7 == 2:
            size, at = varint(at)
            if key >> 3 == wanted:
                found = data[at:at + size]
            at += size
        elif key & 7 == 0:
            _, at = varint(at)
        else:
            at += 4 if key & 7 == 5 else 8
    return found


def precompiled_unigram():
    spec = message_field((HERE / "spm_unigram.model").read_bytes(), 3)
    charsmap = base64.b64encode(message_field(spec, 2)).decode()
    data = json.loads(unigram(pre_tokenizers.Metaspace()).to_str())
    data["normalizer"] = {"type": "Precompiled", "precompiled_charsmap": charsmap}
    return Tokenizer.from_str(json.dumps(data))


def words():
    """Lower case, no accents, sub-words marked with ##, many kinds of added tokens."""
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]", continuing_subword_prefix="##",
                                     fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFD(), normalizers.Lowercase(), normalizers.StripAccents()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.Punctuation("merged_with_previous")])
    trained(tokenizer, trainers.BpeTrainer(
        vocab_size=600, special_tokens=["[UNK]", "[CLS]", "[SEP]"], limit_alphabet=200,
        continuing_subword_prefix="##", show_progress=False))
    tokenizer.add_tokens([AddedToken("word", single_word=True, normalized=True),
                          AddedToken("<S>", lstrip=True, rstrip=True, normalized=True),
                          AddedToken("<mask>", rstrip=True, normalized=False)])
    tokenizer.add_special_tokens([AddedToken("<|im_start|>", normalized=False)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    return tokenizer


def train_sentencepiece(name, **options):
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(line for text in SMALL_CORPUS for line in text.split("\n")),
        model_writer=out, vocab_size=700, hard_vocab_limit=False, minloglevel=2,
        num_threads=1, **options)
    (HERE / f"{name}.model").write_bytes(out.getvalue())


def golden(tokenizer):
    def case(text):
        full = tokenizer.encode(text)
        plain = tokenizer.encode(text, add_special_tokens=False)
        return {"text": text, "ids": full.ids, "plain": plain.ids,
                "shown": tokenizer.decode(full.ids, skip_special_tokens=False),
                "decoded": tokenizer.decode(full.ids)}
    return {"cases": [case(text) for text in CASES],
            "mixed": chunk_hashes(lambda text: tokenizer.encode(text).ids)}


def sentencepiece_golden(name):
    model = sentencepiece.SentencePieceProcessor(model_file=str(HERE / f"{name}.model"))
    texts = [text for text in CASES if "<s>" not in text]
    clean = lambda text: text.replace("<s>", "").replace("</s>", "")
    return {"cases": [{"text": t, "ids": model.encode(t), "decoded": model.decode(model.encode(t))}
                      for t in texts],
            "mixed": chunk_hashes(lambda text: model.encode(clean(text)))}


SENTENCEPIECE = {
    "spm_unigram": {"model_type": "unigram"},
    "spm_bpe": {"model_type": "bpe", "byte_fallback": True, "normalization_rule_name": "identity",
                "remove_extra_whitespaces": False, "split_digits": True,
                "user_defined_symbols": ["<|im_start|>"]},
    "spm_bpe_symbols": {"model_type": "bpe", "normalization_rule_name": "identity",
                        "user_defined_symbols": SYMBOLS},
    "spm_unigram_symbols": {"model_type": "unigram", "normalization_rule_name": "identity",
                            "byte_fallback": True, "user_defined_symbols": SYMBOLS}}
JSON = [gpt2, prefix_space, smollm, llama3, qwen2, falcon, o200k, byte_fallback, metaspace_unigram,
        precompiled_unigram, words]


def train(names):
    for name in set(names) & set(SENTENCEPIECE):
        train_sentencepiece(name, character_coverage=0.99, **SENTENCEPIECE[name])
    for make in JSON:
        if make.__name__ in names:
            data = json.loads(make().to_str())
            text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
            (HERE / f"{make.__name__}.tokenizer.json").write_text(text + "\n")


def main():
    train(sys.argv[2:] if sys.argv[1:2] == ["--train"] else [])
    result = {"versions": {"tokenizers": tokenizers.__version__,
                           "sentencepiece": sentencepiece.__version__},
              "json": {make.__name__: golden(Tokenizer.from_file(
                  str(HERE / f"{make.__name__}.tokenizer.json"))) for make in JSON},
              "sentencepiece": {name: sentencepiece_golden(name) for name in SENTENCEPIECE}}
    (HERE / "goldens.json").write_text(json.dumps(result, ensure_ascii=True, indent=0) + "\n")


if __name__ == "__main__":
    main()
