"""CSV, Parquet and Arrow IPC bodies as Arrow tables. Runs in the reader process only: the bytes are a stranger's.

Nothing is unpacked before its size is known, as far as the format tells; columns that are neither numbers nor text are
not unpacked at all, and rows are counted as they come, whatever the file says of itself. The texts of a Parquet file
stay in its dictionaries, which may be far smaller than all its rows. The libraries' own messages are not passed on,
since they may quote the data.
"""

from collections.abc import Callable, Iterable, Sequence

import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet

from mutualist.categories import is_text
from mutualist.columns import check_unlike, is_numeric, value_type
from mutualist.errors import InputError
from mutualist.serving.tables.caps import Caps
from mutualist.serving.tables.forms import Form
from mutualist.tables import HEAD_BYTES, csv_header, csv_layout, csv_values, starts_with_numbers

Choose = Callable[[Sequence[str]], Sequence[str] | None]
THRIFT_ITEMS = 100_000  # most entries of a list in a Parquet footer


def read_arrow(form: Form, body: bytes, choose: Choose, caps: Caps) -> tuple[pa.Table, list[tuple[str, str]]]:
    """The columns of a body.

    Args:
        form: what the body is said to be.
        body: its bytes.
        choose: from the names of all columns, those to read; None for all of numbers or text.
        caps: limits.

    Returns:
        the columns, and those left out, each with the reason.

    Raises:
        InputError: damaged, too large, or not of this form.
    """
    if not body:
        raise InputError("the body is empty; send a table")
    try:
        if form is Form.CSV:
            return _csv(body, choose, caps), []
        return _parquet(body, choose, caps) if form is Form.PARQUET else _ipc(form, body, choose, caps)
    except (pa.ArrowMemoryError, MemoryError):
        raise InputError("the table needs too much memory once it is unpacked; send fewer rows or columns") from None
    except (pa.ArrowException, OSError, UnicodeDecodeError, ValueError, KeyError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"the body cannot be read as {form.words}: it is truncated, damaged, or something else; send it again"
        ) from None


def _csv(body: bytes, choose: Choose, caps: Caps) -> pa.Table:
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InputError("the body is UTF-16 text; send it as UTF-8")
    if body[:4] == b"PAR1" or body[:2] == b"\x1f\x8b":
        raise InputError("the body is not CSV but packed; send it under its own Content-Type, and CSV as plain text")
    head = body[:HEAD_BYTES]
    layout, header = csv_layout(head), csv_header(body)
    caps.check_width(header.count(layout.delimiter.encode()) + 1)
    short = pa.csv.open_csv(pa.BufferReader(header), parse_options=layout, read_options=_one_thread(header))
    names = list(short.schema.names)
    if starts_with_numbers(names):
        raise InputError("the first line holds numbers; columns are used by name: add a header line")
    check_unlike(names, "the table")
    chosen = choose(names)
    wrong: list[str] = []

    def note(row: pa.csv.InvalidRow) -> str:
        place = f"row {row.number}" if row.number is not None else "a row"
        wrong.append(f"{place} has {row.actual_columns} fields and the header {row.expected_columns}")
        return "error"

    layout.invalid_row_handler = note
    if chosen is not None:
        caps.check_shape(0, len(chosen))
    try:
        table = pa.csv.read_csv(
            pa.BufferReader(body),
            read_options=_one_thread(body),
            parse_options=layout,
            convert_options=csv_values(chosen, head, layout),
        )
    except pa.ArrowInvalid:
        if wrong:
            raise InputError(f"{wrong[0]}; give each row one value for each column") from None
        raise
    return table


def _one_thread(body: bytes) -> pa.csv.ReadOptions:
    # A row must fit in a block; a header of many columns may be longer than the usual one.
    return pa.csv.ReadOptions(use_threads=False, block_size=min(max(len(body), 1 << 10), 1 << 24) + 1)


def _parquet(body: bytes, choose: Choose, caps: Caps) -> tuple[pa.Table, list[tuple[str, str]]]:
    options = {"thrift_container_size_limit": THRIFT_ITEMS, "pre_buffer": False}
    with pa.parquet.ParquetFile(pa.BufferReader(body), **options) as file:
        fields, skipped = _fields(file.schema_arrow, choose, caps, file.metadata.num_rows)
    texts = [field.name for field in fields if is_text(value_type(field.type))]
    with pa.parquet.ParquetFile(pa.BufferReader(body), read_dictionary=texts, **options) as file:
        names = [field.name for field in fields]
        batches = file.iter_batches(batch_size=1 << 14, columns=names, use_threads=False)
        return _collect(batches, pa.schema(fields), caps), skipped


def _ipc(form: Form, body: bytes, choose: Choose, caps: Caps) -> tuple[pa.Table, list[tuple[str, str]]]:
    opened = pa.ipc.open_stream if form is Form.ARROW_STREAM else pa.ipc.open_file
    schema = opened(pa.BufferReader(body)).schema
    fields, skipped = _fields(schema, choose, caps)
    places = [schema.get_field_index(field.name) for field in fields]
    options = pa.ipc.IpcReadOptions(included_fields=places, use_threads=False)
    reader = opened(pa.BufferReader(body), options=options)
    batches = reader if form is Form.ARROW_STREAM else map(reader.get_batch, range(reader.num_record_batches))
    return _collect(batches, pa.schema(fields), caps), skipped


def _fields(
    schema: pa.Schema, choose: Choose, caps: Caps, rows: int = 0
) -> tuple[list[pa.Field], list[tuple[str, str]]]:
    """The fields to read of so many rows, and those that hold neither numbers nor text, each with the reason."""
    caps.check_width(len(schema.names))
    check_unlike(schema.names, "the table")
    chosen = choose(schema.names)
    fields, skipped = [], []
    for name in schema.names if chosen is None else chosen:
        field = schema.field(name)
        kind = value_type(field.type)
        if is_numeric(kind) or is_text(kind):
            fields.append(field)
        elif chosen is None:
            skipped.append((name, _holds(kind)))
        else:
            raise InputError(f"column {name!r} {_holds(kind)}; encode it as numbers, or name another column")
    if not fields:
        raise InputError("the table has no column of numbers or text; send one")
    _check_shape(rows, fields, caps)
    return fields, skipped


def _check_shape(rows: int, fields: Iterable[pa.Field], caps: Caps) -> None:
    """Text counts by itself, for it may be left out once it is seen."""
    text = [is_text(value_type(field.type)) for field in fields]
    caps.check_shape(rows, text.count(False))
    caps.check_shape(rows, text.count(True))


def _holds(kind: pa.DataType) -> str:
    return "holds dates or times" if pa.types.is_temporal(kind) else "holds neither numbers nor text"


def _collect(batches: Iterable[pa.RecordBatch], schema: pa.Schema, caps: Caps) -> pa.Table:
    kept: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        rows += batch.num_rows
        _check_shape(rows, schema, caps)
        batch.validate(full=True)  # a foreign file may point anywhere
        kept.append(batch.select(schema.names))
    return pa.Table.from_batches(kept, schema=kept[0].schema if kept else schema)
