"""The `tokenizers` package on one thread: tokenizers_encode.py TOKENIZER.json TEXT PASSES. Documents
and output as those of tokenizer_bench.cc."""

import json
import pathlib
import sys
import time

import tokenizers

DOCUMENT_BYTES = 10_000


def documents_of(data):
    documents, at = [], 0
    while at < len(data):
        end = data.find(b"\n", at + DOCUMENT_BYTES) if len(data) - at > DOCUMENT_BYTES else -1
        end = len(data) if end < 0 else end + 1
        documents.append(data[at:end].decode())
        at = end
    return documents


def main():
    tokenizer = tokenizers.Tokenizer.from_file(sys.argv[1])
    tokenizer.no_truncation()
    tokenizer.no_padding()
    data = pathlib.Path(sys.argv[2]).read_bytes()
    documents = documents_of(data)
    seconds = []
    for _ in range(1 + int(sys.argv[3])):
        begin = time.process_time()
        encodings = tokenizer.encode_batch_fast(documents)  # ids alone, no offsets
        seconds.append(time.process_time() - begin)
    value = count = 0
    for encoding in encodings:
        for number in encoding.ids:
            value = (value * 31 + number) & (2**64 - 1)
            count += 1
    megabytes = len(data) / 1e6
    print(json.dumps({"mb_per_s": megabytes * len(seconds[1:]) / sum(seconds[1:]),
                      "first_mb_per_s": megabytes / seconds[0], "bytes": len(data), "ids": count,
                      "hash": f"{value:016x}"}))


main()
