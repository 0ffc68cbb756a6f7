"""Opens tokenizer files that Attune wrote with the `tokenizers` package: tokenizers_open.py WRITTEN.

WRITTEN holds NAME.json and NAME.jsonl, lines of {"text", "ids", "decoded"}. Prints one line each;
exits with 1 when ids or decoded text differ.
"""

import json
import pathlib
import sys

from tokenizers import Tokenizer


def main(written):
    failed = 0
    for path in sorted(written.glob("*.json")):
        tokenizer = Tokenizer.from_file(str(path))
        rows = [json.loads(line) for line in path.with_suffix(".jsonl").open()]
        ids = sum(tokenizer.encode(row["text"]).ids != row["ids"] for row in rows)
        texts = sum(tokenizer.decode(row["ids"]) != row["decoded"] for row in rows)
        print(f"{path.stem}: {len(rows)} texts, other ids {ids}, other decoded text {texts}")
        failed += not rows or ids or texts
    assert failed or any(written.glob("*.json")), "nothing was written"
    sys.exit(1 if failed else 0)


main(pathlib.Path(sys.argv[1]))
