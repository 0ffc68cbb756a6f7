"""Writes small Parquet files with pyarrow and, for each, the rows that it must be read as:

    types       every type of column, nulls in each, two row groups
    old         texts that their writer did not mark as such, and bytes that are no text
    oasst       flat messages as the published set has them: ranks are floats, NaN where there is none
    gpt4all     the columns of GPT4All without P3, one file for each way of compressing
    instructions  prompt and completion
    huge_page   a page that says of itself that it has 1.5 GB (no rows)
"""

import datetime
import decimal
import json
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).parent
rows = {}


def write(name, table, expected, **options):
    pq.write_table(table, HERE / f"{name}.parquet", **options)
    rows[name] = expected


def types():
    day = datetime.date(2023, 4, 15)
    moment = datetime.datetime(2023, 4, 15, 12, 30, 5, 250000)
    turn = pa.struct([("role", pa.string()), ("content", pa.string())])
    columns = {
        "flag": (pa.bool_(), True, True), "small": (pa.int8(), -7, -7),
        "whole": (pa.int64(), -2**62, -2**62), "unsigned": (pa.uint64(), 2**64 - 1, 2**64 - 1),
        "half": (pa.float32(), 0.5, 0.5), "real": (pa.float64(), 0.1, 0.1),
        "endless": (pa.float64(), float("inf"), None), "text": (pa.string(), "Käse ✓", "Käse ✓"),
        "long_text": (pa.large_string(), "a\nb", "a\nb"),
        "day": (pa.date32(), day, "2023-04-15"),
        "moment": (pa.timestamp("ms"), moment, "2023-04-15 12:30:05.250"),
        "price": (pa.decimal128(9, 2), decimal.Decimal("-1.50"), "-1.50"),
        "kind": (pa.dictionary(pa.int32(), pa.string()), "open_qa", "open_qa"),
        "turns": (pa.list_(turn), [{"role": "user", "content": "Hi"}, None],
                  [{"role": "user", "content": "Hi"}, None]),
        "pair": (pa.list_(pa.int32(), 2), [1, 2], [1, 2]),
        "deep": (pa.list_(pa.list_(pa.string())), [["a"], [], None], [["a"], [], None]),
        "counts": (pa.map_(pa.string(), pa.int32()), [("+1", 3)], {"+1": 3}),
        "numbered": (pa.map_(pa.int32(), pa.string()), [(4, "x")], [[4, "x"]]),
        "nothing": (pa.null(), None, None),
    }
    arrays = {name: pa.array([value, None, value], type=kind)
              for name, (kind, value, _) in columns.items()}
    full = {name: want for name, (_, _, want) in columns.items()}
    write("types", pa.table(arrays), [full, dict.fromkeys(full), full], row_group_size=2)


def old():
    table = pa.table({"text": pa.array([b"plain", b"\xff\xfe", None], type=pa.binary())})
    write("old", table, [{"text": "plain"}, "column \"text\" holds bytes that are no text",
                         {"text": None}], store_schema=False, compression="none")


def oasst():
    messages = [("q", None, "Why rye?", "prompter", None), ("a", "q", "It is hardy.", "assistant", 1.0),
                ("b", "q", "Taste.", "assistant", 0.0), ("c", "q", "Because.", "assistant", None)]
    names = ("message_id", "parent_id", "text", "role", "rank")
    table = pa.table({name: [message[place] for message in messages]
                      for place, name in enumerate(names) if name != "rank"})
    table = table.append_column("rank", pa.array(
        [float("nan") if message[4] is None else message[4] for message in messages]))
    table = table.append_column("message_tree_id", pa.array(["q"] * 4))
    table = table.append_column("labels", pa.array([None, None, None, {
        "name": ["quality"], "value": [0.75], "count": [3]}]))
    want = [dict(zip(names, message), message_tree_id="q", labels=None) for message in messages]
    want[3]["labels"] = {"name": ["quality"], "value": [0.75], "count": [3]}
    write("oasst", table, want)


def plain_rows():
    lines = [{"prompt": f"Is {n} odd?", "response": "Yes." if n % 2 else "No.",
              "source": "laion/unified_chip2" if n % 3 else "bigscience/p3"} for n in range(300)]
    for name in ("gpt4all_snappy", "gpt4all_gzip", "gpt4all_zstd", "gpt4all_lz4", "gpt4all_brotli"):
        pq.write_table(pa.Table.from_pylist(lines), HERE / f"{name}.parquet",
                       compression=name.partition("_")[2])
    rows["gpt4all"] = lines
    pairs = [{"prompt": "abc", "completion": "d"}] * 8
    write("instructions", pa.Table.from_pylist(pairs), pairs)


def varint(number):
    """A whole number of 32 bits as Thrift's compact protocol writes it."""
    number = number << 1
    low = []
    while number >= 0x80:
        low.append(number & 0x7f | 0x80)
        number >>= 7
    return bytes([*low, number])


def huge_page():
    path = HERE / "huge_page.parquet"
    pq.write_table(pa.table({"text": ["abc"]}), path, use_dictionary=False, compression="none",
                   write_statistics=False, store_schema=False)
    whole = path.read_bytes()
    # The first page's header: its type, its size, and its size as it is stored, each after 0x15.
    assert whole[4:7] == b"\x15\x00\x15" and whole[8] == 0x15 and whole[7] == whole[9] < 0x80
    size = varint(1_500_000_000)
    path.write_bytes(whole[:7] + size + b"\x15" + size + whole[10:])


types()
old()
huge_page()
oasst()
plain_rows()
stored = {"made_with": {"pyarrow": pa.__version__}, "rows": rows}
(HERE / "rows.json").write_text(json.dumps(stored, ensure_ascii=False, indent=1) + "\n",
                                encoding="utf-8")
