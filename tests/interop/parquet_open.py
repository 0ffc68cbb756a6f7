"""Opens a Parquet file of ours with pyarrow and prints its rows as JSON lines.

    parquet_open.py FILE
"""

import json
import sys

import pyarrow.parquet as pq

table = pq.read_table(sys.argv[1])
for row in table.to_pylist():
    print(json.dumps(row, ensure_ascii=False))
