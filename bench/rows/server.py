"""The feedback server under load with a million records: import, export, search, annotators, submits.

One leg is a server on SQLite with a new data directory and a client in C++ (bench/server_bench.cc) on the
same machine, whose processor time is written beside the server's. Records hold about 1 kB of text (50,000
words of which few are frequent) and a term to filter by. In turn: import over HTTP (each record found by its
words once it is acknowledged); counts and hits checked; export as JSON lines, counted; 600 searches of one word
(100, 1,000 or 10,000 hits) with a filter, each total checked; 200 people who take a record, think, and submit, at
200 submits a second in all; 64 people who submit as fast as the server takes them, fsync on; at last the
numbers of records and answers are checked against what was acknowledged. Times of the 200 count from when a request
was due.

Two more legs store the same texts by `attune import --data_dir`, straight into the data base of a server that was stopped, with
words indexed as they come and with `--defer_index`: records a second until the last is stored, and until the last is found by
its words, which a server on the data checks afterwards.

`ATTUNE_BENCH_RECORDS=20000 bench/run server` is a quick run. The table has the largest that was measured, and says
how much of the machine others used meanwhile.
"""

import os

import harness

MINUTES = 9
RECORDS = 1_000_000
BYTES = 1000


def run(bench):
    bench.patience = 10
    records = int(os.environ.get("ATTUNE_BENCH_RECORDS", RECORDS))
    harness.program("server_bench")
    load, straight = (harness.HERE / "legs" / name for name in ("server_load.py", "import_load.py"))
    legs = {f"served-{records}": [load, records, BYTES],
            f"imported-{records}": [straight, records, BYTES, "now"],
            f"deferred-{records}": [straight, records, BYTES, "later"]}
    bench.pairs(1, {name: lambda pair, name=name, words=words: bench.leg(
        name, [harness.PYTHON, *words], pair=pair) for name, words in legs.items()})


def summary(lines):
    most = max((line["figures"]["records"] for line in lines), default=RECORDS)
    found = {}
    for line in lines:
        if line["figures"]["records"] == most:
            found |= line["figures"]

    def text(name, unit="", digits=0):
        return f"{found[name]:,.{digits}f}{unit}" if name in found else "not measured"

    def beside():
        """What others used of the machine while it was measured."""
        shares = [line["run"]["foreign_share"] for line in lines
                  if line["figures"]["records"] == most and "run" in line]
        return f"{100 * max(shares):.0f} % of the machine" if shares else "not measured"

    def client(stage):
        """Of the processor time that server and client used."""
        if f"{stage}.client_cpu_s" not in found:
            return ""
        own, server = found[f"{stage}.client_cpu_s"], found[f"{stage}.server_cpu_s"]
        return f" (client {100 * own / (own + server):.0f} % of both's processor time)"

    return [
        ("records", f"{most:,} of {BYTES} bytes", f"{RECORDS:,}"),
        ("used by others meanwhile", beside(), "below 5 %"),
        ("import, records/s, searchable once acknowledged",
         text("import.records_per_s") + client("import"), "at least 15,000"),
        ("`attune import --data_dir`, records/s, searchable once stored", text("now.records_per_s"),
         "at least 15,000"),
        ("with `--defer_index`: records/s stored", text("later.stored_per_s"), "at least 50,000"),
        ("with `--defer_index`: records/s found by their words",
         text("later.records_per_s"), "reported"),
        ("memory of the import", text("later.peak_mib", " MiB"), "flat"),
        ("export, records/s", text("export.records_per_s") + client("export"), "at least 100,000"),
        ("filtered search by a word of up to 10,000 hits, p95",
         text("search.search_p95_ms", " ms", 1) + client("search"), "below 30 ms"),
        ("200 annotators: next, p99", text("annotate.next_p99_ms", " ms", 1) + client("annotate"),
         "below 10 ms with submit"),
        ("200 annotators: submit, p99", text("annotate.submit_p99_ms", " ms", 1),
         "below 10 ms with next"),
        ("open throttle: durable submits/s",
         text("submit.submits_per_s") + client("submit"), "at least 8,000"),
        ("open throttle: submit, p99", text("submit.submit_p99_ms", " ms", 1), "reported"),
        ("highest resident memory of the server", text("submit.server_peak_mib", " MiB"),
         "below 500 MB"),
    ]
