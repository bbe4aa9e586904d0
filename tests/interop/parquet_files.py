"""Writes the same table as parquet in many ways into a folder; prints what each file holds.

Argument: the folder.
"""

import json
import sys

import pyarrow
import pyarrow.parquet

texts = [f"row {i % 11} é" for i in range(300)]
labels = [i % 3 for i in range(300)]
scores = [i / 4 for i in range(300)]
expected = [list(row) for row in zip(texts, labels, scores)]

plain = pyarrow.table({"text": texts, "label": labels, "score": scores, "rest": [[1, 2]] * 300})
large = plain.set_column(0, "text", plain["text"].cast(pyarrow.large_string()))
narrow = plain.set_column(1, "label", plain["label"].cast(pyarrow.int32()))
coded = plain.set_column(0, "text", plain["text"].dictionary_encode())

files = {}


def write(name, table, **options):
    path = f"{sys.argv[1]}/{name}.parquet"
    pyarrow.parquet.write_table(table, path, **options)
    files[path] = expected


for codec in ["none", "snappy", "gzip", "brotli", "zstd", "lz4"]:
    write(codec, plain, compression=codec)
write("large-string", large)
write("int32", narrow)
write("dictionary", coded)
write("no-dictionary", plain, use_dictionary=False)
write("row-groups", plain, row_group_size=70, data_page_size=256)
write("version-2", plain, data_page_version="2.0", compression="zstd")
print(json.dumps(files))
