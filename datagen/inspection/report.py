"""`mutualist datagen report`: what a meta-dataset holds, as one page that needs nothing else."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mutualist.datagen.config import parse_config
from mutualist.datagen.inspection import pictures
from mutualist.datagen.inspection.label_checks import LabelCheck, check_labels
from mutualist.datagen.inspection.page import Content, render_page
from mutualist.datagen.inspection.pictures import Example
from mutualist.datagen.inspection.provenance import changed_versions, locate, read_record
from mutualist.datagen.integrity import read_finished, shard_problem
from mutualist.datagen.manifest import MANIFEST
from mutualist.datagen.schema import SPLITS
from mutualist.datagen.storage import Store, StoredFile, shard_name
from mutualist.datagen.transforms import TRANSFORMS
from mutualist.errors import DataError, InputError

EXAMPLES = 18
CLEAREST_ROWS = 100
_COLUMNS = ["id", "n", "dx", "dy", "mi", "mi_stderr", "family", "transforms"]
OnProgress = Callable[[str, int, int], None]


class Records(NamedTuple):
    """What is known of every record without its sample; arrays of equal length."""

    split: NDArray[np.int64]  # index into SPLITS
    id: NDArray[np.int64]
    n: NDArray[np.int64]
    dx: NDArray[np.int64]
    dy: NDArray[np.int64]
    mi: NDArray[np.float64]
    mi_stderr: NDArray[np.float64]
    family: NDArray[np.str_]


def write_report(
    place: str | Path,
    out: str | Path,
    checks: int = 48,
    seed: int = 0,
    on_progress: OnProgress = lambda what, done, total: None,
) -> str:
    """Writes the page and returns a sentence on what it says.

    Args:
        place: path or URI of the meta-dataset.
        checks: labels to check by second methods.
        seed: of the choice of records that are drawn as examples and checked.
        on_progress: called with what is being done, how much of it is done, and how much there is.

    Raises:
        DataError: no meta-dataset, one not finished, without records, or with a shard that is not as listed.
        InputError: `out` cannot be written.
    """
    store, out = Store(place), Path(out)
    manifest = read_finished(store)
    if not out.parent.is_dir():
        raise InputError(f"cannot write {out}: there is no folder {out.parent}")
    config = parse_config(manifest["config"], f"the configuration in {store.place(MANIFEST)}")
    records, transforms = _read(store, manifest, on_progress)
    rng = np.random.default_rng(seed)

    chosen = [_choose_examples(records, rng, single) for single in (True, False)]
    total = sum(len(c) for c in chosen)
    grids: list[list[Example]] = []
    for part in chosen:
        grids.append([])
        for i in part:
            split, number = SPLITS[records.split[i]], int(records.id[i])
            shard, row = locate(config, split, number)
            grids[-1].append(_example(StoredFile(store, shard_name(split, shard)), row))
            on_progress("examples", sum(len(g) for g in grids), total)
    picks = _round_robin(records.family, np.arange(len(records.id)), checks, rng)
    done: list[int] = []

    def advance() -> None:
        done.append(1)
        on_progress("labels checked", len(done), len(picks))

    checked = check_labels(config, [(SPLITS[records.split[i]], int(records.id[i])) for i in picks], advance)
    content = Content(
        place=str(store),
        manifest=manifest,
        facts=_facts(records, manifest, checked),
        splits=_splits(records, manifest),
        transforms=transforms,
        checks=checked,
        versions_changed=changed_versions(manifest),
        mi_law=pictures.draw_mi_law(records.mi),
        coverage=pictures.draw_coverage(records.n, records.dx, records.dy, records.mi),
        families=pictures.draw_families({str(f): records.mi[records.family == f] for f in np.unique(records.family)}),
        singles=pictures.draw_examples(grids[0]) if grids[0] else None,
        wide=pictures.draw_examples(grids[1]) if grids[1] else None,
        label_checks=pictures.draw_label_checks(checked) if checked else None,
    )
    try:
        out.write_text(render_page(content), "utf-8")
    except OSError as error:
        raise InputError(f"cannot write {out}: {error}") from error
    agree = sum(c.agrees for c in checked)
    return f"{len(records.id):,} records; {agree} of {len(checked)} checks of {len(picks)} labels agree"


def _read(store: Store, manifest: dict[str, Any], on_progress: OnProgress) -> tuple[Records, dict[str, float]]:
    """Records without their samples, and the share of records that each transform was applied to."""
    tables, splits, entries = [], [], manifest["shards"]
    for i, entry in enumerate(entries):
        shard = StoredFile(store, entry["path"])
        if problem := shard_problem(shard, manifest):
            raise DataError(f"shard {shard} cannot be read; {problem}")
        with store.open(shard.name) as file:
            tables.append(pq.ParquetFile(file).read(columns=_COLUMNS))
        splits.append(np.full(len(tables[-1]), SPLITS.index(entry["split"])))
        on_progress("shards read and verified", i + 1, len(entries))
    if not sum(len(t) for t in tables):
        raise DataError(f"the meta-dataset at {store} has no records")
    table = pa.concat_tables(tables)
    shares = {
        t: pc.mean(pc.match_substring(table["transforms"], f'{{"name":"{t}"')).as_py() for t in sorted(TRANSFORMS)
    }
    columns = {name: table[name].to_numpy() for name in _COLUMNS if name not in ("family", "transforms")}
    wide = {name: c.astype(np.int64) if c.dtype == np.int32 else c for name, c in columns.items()}
    family = np.asarray(table["family"].to_pylist(), dtype=np.str_)
    return Records(split=np.concatenate(splits), family=family, **wide), {t: s for t, s in shares.items() if s}


def _choose_examples(records: Records, rng: np.random.Generator, single: bool) -> list[int]:
    """One record of each of as many families as possible: 1 × 1 or wider ones, with rows and MI enough to be seen."""
    one = (records.dx == 1) & (records.dy == 1)
    fit = np.flatnonzero(one if single else ~one)
    clear = np.flatnonzero((one if single else ~one) & (records.n >= CLEAREST_ROWS) & (records.mi > 0.05))
    return _round_robin(records.family, clear if len(clear) else fit, EXAMPLES, rng)


def _round_robin(
    families: NDArray[np.str_], candidates: NDArray[np.int64], count: int, rng: np.random.Generator
) -> list[int]:
    """Up to `count` candidates in random order, the k-th of each family before the k+1-th of any."""
    shuffled = rng.permutation(candidates)
    seen: dict[str, int] = {}
    turns = []
    for i in shuffled:
        family = str(families[i])
        seen[family] = seen.get(family, 0) + 1
        turns.append(seen[family])
    return [int(i) for i in shuffled[np.argsort(turns, kind="stable")][:count]]


def _example(shard: StoredFile, row: int) -> Example:
    record = read_record(shard, row)
    shape = f"n {record.n}" if record.dx == record.dy == 1 else f"{record.dx} × {record.dy}, n {record.n}"
    return Example(record.x[:, 0], record.y[:, 0], record.family, record.mi, f"{record.mi:.2g} nats, {shape}")


def _facts(records: Records, manifest: dict[str, Any], checks: Sequence[LabelCheck]) -> list[tuple[str, str]]:
    dropped = sum(s["dropped"] for s in manifest["splits"].values())
    agree = sum(c.agrees for c in checks)
    return [
        (f"{len(records.id):,}", "records"),
        (f"{len(np.unique(records.family))}", "families"),
        (f"{(records.mi == 0).mean():.1%}", "with MI exactly 0"),
        (f"{np.median(records.mi):.2g}", "nats, median MI"),
        (f"{records.n.min():,}–{records.n.max():,}", "rows each"),
        (f"{(records.dx + records.dy).min()}–{(records.dx + records.dy).max()}", "columns of X and Y"),
        (f"{(records.mi_stderr == 0).mean():.1%}", "exact labels"),
        (
            f"{agree} / {len(checks)}" if checks else "none",
            "checks of labels within range" if checks else "labels checked",
        ),
        (f"{dropped}", "records dropped"),
        (f"{sum(s['bytes'] for s in manifest['splits'].values()) / 2**20:,.1f}", "MiB"),
    ]


def _splits(records: Records, manifest: dict[str, Any]) -> list[list[str]]:
    """A row of the table of files for each split."""
    rows = []
    for split, counts in manifest["splits"].items():
        own = records.split == SPLITS.index(split)
        sizes = [e["bytes"] for e in manifest["shards"] if e["split"] == split]
        if not sizes:
            continue
        mib = [s / 2**20 for s in (sum(sizes), min(sizes), max(sizes))]
        rows.append(
            [split, f"{counts['records']:,}", f"{len(sizes):,}", f"{mib[0]:,.1f}", f"{mib[1]:,.1f}–{mib[2]:,.1f}",
             f"{sum(sizes) / counts['records'] / 1024:,.1f}", f"{(records.mi[own] == 0).mean():.1%}",
             f"{(records.mi_stderr[own] > 0).mean():.1%}", f"{counts['dropped']}"]
        )  # fmt: skip
    return rows
