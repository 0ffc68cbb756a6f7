"""Attune's tokenizer beside the `tokenizers` package: the same vocabulary, text and documents, one
core, processor time, three interleaved pairs.

    python bench/tokenizer_bench.py BUILD_DIR/bin/tokenizer_bench TOKENIZER.json TEXT

Prints one JSON line a run. The ids are compared first (a hash); a difference ends it.
"""

import json
import os
import pathlib
import subprocess
import sys
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
import tokenizers  # noqa: E402  (reads the variable above)

DOCUMENT_BYTES = 10_000
PAIRS = 3


def documents_of(data):
    documents, at = [], 0
    while at < len(data):
        end = data.find(b"\n", at + DOCUMENT_BYTES) if len(data) - at > DOCUMENT_BYTES else -1
        end = len(data) if end < 0 else end + 1
        documents.append(data[at:end].decode("utf-8", "replace"))
        at = end
    return documents


def run_reference(tokenizer, data):
    documents = documents_of(data)
    for _ in range(2):
        begin = time.process_time()
        ids = [tokenizer.encode(document).ids for document in documents]
        seconds = time.process_time() - begin
    value = 0
    for document in ids:
        for number in document:
            value = (value * 31 + number) & (2**64 - 1)
    return {"program": f"tokenizers {tokenizers.__version__}",
            "megabytes_per_second": len(data) / seconds / 1e6, "bytes": len(data),
            "ids": sum(map(len, ids)), "hash": value}


def main():
    program, tokenizer_path, text_path = sys.argv[1:]
    tokenizer = tokenizers.Tokenizer.from_file(tokenizer_path)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    data = pathlib.Path(text_path).read_bytes()
    for _ in range(PAIRS):
        ours = json.loads(subprocess.check_output([program, tokenizer_path, text_path]))
        theirs = run_reference(tokenizer, data)
        if ours["hash"] != theirs["hash"]:
            sys.exit("the ids differ")
        print(json.dumps(ours), json.dumps(theirs), sep="\n", flush=True)


if __name__ == "__main__":
    main()
