"""Bodies that mean harm. Each must be refused, whatever path it is sent to."""

import gzip
import io
import json
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

PARQUET, STREAM, FILE = (f"application/vnd.apache.{kind}" for kind in ("parquet", "arrow.stream", "arrow.file"))
JSON, CSV = "application/json", "text/csv"
GOOD = {"x": [1, 2, 3, 4, 5, 6], "y": [2, 1, 4, 3, 6, 5]}
MILLION = 10**6


class Hostile(NamedTuple):
    """One request."""

    what: str
    path: str
    content: bytes
    headers: dict[str, str]


def parquet(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def arrow(table: pa.Table, kind: str, **options: Any) -> bytes:
    sink = io.BytesIO()
    make = pa.ipc.new_stream if kind == STREAM else pa.ipc.new_file
    with make(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return sink.getvalue()


def varint(number: int) -> bytes:
    out = bytearray()
    number <<= 1  # zigzag of a positive number
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def lying_page(size: int) -> bytes:
    """A Parquet file whose only page says that it unpacks to `size` bytes."""
    honest = parquet(pa.table({"a": np.zeros(4096)}), compression="zstd", use_dictionary=False, write_statistics=False)
    start = honest.index(b"\x15", 4)  # field 1: kind of page
    field = honest.index(b"\x15", start + 2)  # field 2: unpacked size
    end = field + 1
    while honest[end] & 0x80:
        end += 1
    return honest[: field + 1] + varint(size) + honest[end + 1 :]


def bombs() -> Iterator[tuple[str, str, bytes]]:
    """(what, content type, bytes): small, and huge once unpacked."""
    zeros = pa.table({"a": np.zeros(5 * MILLION), "b": np.zeros(5 * MILLION)})
    yield "parquet of 5 million zeros", PARQUET, parquet(zeros, compression="zstd")
    yield "parquet of one run", PARQUET, parquet(zeros, use_dictionary=True)
    yield "arrow of 5 million zeros", STREAM, arrow(zeros, STREAM, compression="zstd")
    yield "arrow file of 5 million zeros", FILE, arrow(zeros, FILE, compression="zstd")
    nothing = pa.Array.from_buffers(pa.null(), 2**31 - 1, [None])
    nulls = pa.table({"a": nothing, "b": nothing})
    yield "arrow of two billion times nothing", STREAM, arrow(nulls, STREAM)
    for size in (2**30, 2**31 - 1):
        yield f"parquet with a page of {size}", PARQUET, lying_page(size)
    text = pa.table({"a": pa.DictionaryArray.from_arrays(np.zeros(3000, np.int32), ["x" * MILLION])})
    yield "parquet of 3 GB of text", PARQUET, parquet(text, compression="zstd")
    batch = pa.table({"a": ["x" * MILLION]})
    yield "arrow of 3 GB of text", STREAM, arrow(pa.concat_tables([batch] * 3000), STREAM, compression="zstd")
    view = struct.pack("<i4sii", MILLION, b"x" * 4, 0, 0)  # of all of the first buffer
    buffers = [None, pa.py_buffer(view * 40_000), pa.py_buffer(b"x" * MILLION)]
    views = pa.table({"a": pa.Array.from_buffers(pa.string_view(), 40_000, buffers)})
    yield "arrow of 40 GB of views", STREAM, arrow(views, STREAM, compression="zstd")
    wide = {f"c{i}": pa.array([1.0, 2.0]) for i in range(20_000)}
    yield "parquet of 20,000 columns", PARQUET, parquet(pa.table(wide), write_statistics=False)
    yield "arrow of 20,000 columns", STREAM, arrow(pa.table(wide), STREAM)
    yield "CSV of a million columns", CSV, ",".join(f"c{i}" for i in range(MILLION)).encode() + b"\n"
    yield "CSV of a million empty names", CSV, b"," * MILLION + b"\n" + b"1," * MILLION
    yield "CSV of one line", CSV, b'a,b\n"' + b"x" * 8 * MILLION
    names: dict[str, list[float]] = {str(i): [] for i in range(MILLION)}
    yield "JSON of a million columns", JSON, json.dumps({"columns": names}).encode()
    yield "JSON of lists", JSON, b'{"columns": {"a": [' + b"[]," * 5 * MILLION + b"[]]}}"
    yield "JSON of ones", JSON, b'{"x": [' + b"1," * 8 * MILLION + b"1]}"
    yield "JSON of objects", JSON, b'{"x": [' + b"{}," * 5 * MILLION + b"{}]}"
    yield "one long name", JSON, json.dumps({"columns": {"k" * 15 * MILLION: [1]}}).encode()


def json_texts(rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """(what, bytes) without end."""
    tokens = ["NaN", "Infinity", "-Infinity", "nan", '"NaN"', "null", "true", "{}", '"1"', "1e999", "-1e400", "[[1]]"]
    fields = ["x", "y", "pairs", "columns", "level", "unit", "quantiles", "nan_policy", "names"]
    while True:
        depth = int(rng.integers(1, 100_000))
        opening = rng.choice(["[", '{"x":', '{"columns":{"a":[', '{"pairs":[{"x":[', "[[1],"])
        yield "deep nesting", str(opening).encode() * depth
        yield "deep nesting, closed", b"[" * depth + b"]" * depth
        digits = "9" * int(rng.integers(310, 4000))
        yield "huge integer", f'{{"x": [{digits}, 1, 2, 3], "y": [1, 2, 3, 4]}}'.encode()
        yield "huge integer in a table", f'{{"columns": {{"a": [{digits}, 1, 2, 3], "b": [1, 2, 3, 4]}}}}'.encode()
        token = str(rng.choice(tokens))
        yield f"{token} as a value", f'{{"x": [1, 2, {token}, 4], "y": [1, 2, 3, 4]}}'.encode()
        yield f"{token} in a batch", f'{{"pairs": [{{"x": [1, 2, {token}, 4], "y": [1, 2, 3, 4]}}]}}'.encode()
        yield f"{token} for columns", f'{{"columns": {token}, "x": ["a"], "y": ["b"]}}'.encode()
        name = str(rng.choice(fields))
        yield f"{token} for {name}", f'{{"{name}": {token}}}'.encode()
        body = json.dumps(GOOD)
        yield "cut off", body[: int(rng.integers(0, len(body)))].encode()
        yield "bytes", rng.bytes(int(rng.integers(0, 500)))
        yield "unknown field", json.dumps(GOOD | {f"k{rng.integers(1000)}": 1}).encode()
        yield "unlike lengths", json.dumps({"x": [1.0] * int(rng.integers(5, 50)), "y": [1, 2, 3, 4]}).encode()
        yield "ragged", json.dumps({"x": [[1, 2]] * 5 + [[1]], "y": [1] * 6}).encode()


def packed(rng: np.random.Generator) -> Iterator[tuple[str, str, bytes]]:
    """(what, content type, bytes) without end: tables that are cut off, or something else than they say."""
    table = pa.table({name: rng.normal(size=200) for name in "abc"})
    whole = {PARQUET: parquet(table), STREAM: arrow(table, STREAM), FILE: arrow(table, FILE)}
    while True:
        for kind, body in whole.items():
            # The end mark of a stream, 8 bytes, may be missing; so the cut is before.
            yield f"cut off {kind}", kind, body[: int(rng.integers(0, len(body) - 16))]
            yield f"bytes as {kind}", kind, rng.bytes(int(rng.integers(1, 400)))
            yield f"magic and bytes as {kind}", kind, body[:8] + rng.bytes(200) + body[-8:]
            other = {PARQUET: STREAM, STREAM: FILE, FILE: PARQUET}[kind]
            yield f"{other} as {kind}", kind, whole[other]
            size = struct.pack("<i", int(rng.integers(2**20, 2**31)))
            yield f"{kind} with a huge footer", kind, body[:-8] + size + body[-4:]
        yield "gzip as CSV", CSV, gzip.compress(b"a,b\n1,2\n" * 1000)
        yield "bytes as CSV", CSV, b"\xff\xfe" + rng.bytes(100)
        names = "".join(f"Ann {i},Bob {i}\n" for i in range(int(rng.integers(4, 99))))
        yield "names as CSV", CSV, b"a,b\n" + names.encode()
        yield "ragged CSV", CSV, b"a,b\n1,2\n3\n4,5\n6,7\n"
        yield "CSV without rows", CSV, b"a,b\n"
        yield "twice the same name", CSV, b"a,a\n1,2\n3,4\n5,6\n7,8\n"


def requests(rng: np.random.Generator) -> Iterator[Hostile]:
    """Without end, but first each bomb once."""
    tables = ["/v1/pairwise", "/v1/jobs/pairwise", "/v1/table/estimate?x=a&y=b"]
    everywhere = ["/v1/estimate", "/v1/estimate/batch", *tables]
    for what, kind, content in bombs():
        yield Hostile(what, tables[0], content, {"content-type": kind})
    yield Hostile("10 MB of gzip", tables[0], gzip.compress(bytes(10**7)), {"content-encoding": "gzip"})
    yield Hostile("unknown content type", tables[0], b"a", {"content-type": "application/x-pickle"})
    texts, files = json_texts(rng), packed(rng)
    while True:
        what, content = next(texts)
        yield Hostile(what, str(rng.choice(everywhere)), content, {"content-type": JSON})
        what, kind, content = next(files)
        yield Hostile(what, str(rng.choice(tables)), content, {"content-type": kind})


@pytest.fixture(scope="session")
def hostile_requests() -> Iterator[Hostile]:
    return requests(np.random.default_rng(np.random.SeedSequence(2025)))
