"""How many records a second FTS5 alone indexes, by processor time, and how large the file gets: with the
text kept in the table as the server has it, without it, and without the sizes of columns too:
fts5_tables.py COUNT. It tells what a table without a text of its own would save an import; SQLite deletes
by row there from 3.43 on. A line of JSON for each kind of table.
"""

import itertools
import json
import os
import random
import sqlite3
import sys
import tempfile
import time

FIELDS = 16
BATCH = 4000  # as `attune import --data_dir` writes
KINDS = {"kept text": "", "no text": ", content=''", "no text, no sizes": ", content='', columnsize=0"}


def texts():
    """20,000 of about 1 kB, in words as often as Zipf has them."""
    draw = random.Random(1)
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 10)))
             for _ in range(60_000)]
    weights = list(itertools.accumulate(1 / rank for rank in range(1, len(words) + 1)))
    return [" ".join(draw.choices(words, cum_weights=weights, k=170))[:1000] for _ in range(20_000)]


def measure(kind, options, rows, count):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "words.db")
        base = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode=wal", "synchronous=off", "cache_size=-200000"):
            base.execute(f"PRAGMA {pragma}")
        columns = ", ".join(["every"] + [f"f{i}" for i in range(FIELDS)])
        base.execute(f"CREATE VIRTUAL TABLE t USING fts5 ({columns}, tokenize = 'ascii'{options})")
        base.execute("INSERT INTO t (t, rank) VALUES ('hashsize', 67108864)")
        start = time.process_time()
        for begin in range(0, count, BATCH):
            base.execute("BEGIN")
            base.executemany("INSERT INTO t (rowid, every, f0, f1) VALUES (?, '+', ?, ?)",
                             ((i, rows[i % len(rows)][:500], rows[i * 7 % len(rows)][500:])
                              for i in range(begin, min(count, begin + BATCH))))
            base.execute("COMMIT")
        seconds = time.process_time() - start
        base.close()
        print(json.dumps({"table": kind, "sqlite": sqlite3.sqlite_version, "records": count,
                          "records_per_second": round(count / seconds),
                          "megabytes": round(os.path.getsize(path) / 1e6)}), flush=True)


def main():
    rows = texts()
    for kind, options in KINDS.items():
        measure(kind, options, rows, int(sys.argv[1]))


if __name__ == "__main__":
    main()
