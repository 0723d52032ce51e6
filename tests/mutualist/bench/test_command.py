"""`mutualist bench` through its own door: Parquet in; tables, JSON, files and messages out."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from mutualist.cli import app

pytestmark = pytest.mark.usefixtures("gaussian")


def rows(count: int = 24, together: bool = False) -> dict[str, list[Any]]:
    """Normal pairs of known mutual information, a record a row."""
    rng = np.random.default_rng(0)
    out: dict[str, list[Any]] = {key: [] for key in ("n", "dx", "dy", "mi", "family", "x", "y", "xy")}
    for i in range(count):
        n, d, r = int(rng.integers(15, 60)), 1 + i % 3, 0.0 if i % 4 == 0 else rng.uniform(0, 0.9)
        x = rng.normal(size=(n, d)).astype(np.float32)
        y = (r * x[:, :1] + np.sqrt(1 - r * r) * rng.normal(size=(n, 1))).astype(np.float32)
        values = {"n": n, "dx": d, "dy": 1, "mi": -0.5 * np.log1p(-r * r), "family": "ab"[i % 2]}
        values |= {"x": x.ravel(), "y": y.ravel(), "xy": np.hstack([x, y]).ravel()}
        for key, value in values.items():
            out[key].append(value)
    for key in ("x", "y") if together else ("xy",):
        del out[key]
    return out


def save(path: Path, table: dict[str, list[Any]], **types: pa.DataType) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {key: pa.array(values, types.get(key)) for key, values in table.items()}
    pq.write_table(pa.table(columns), path)
    return path


def answer(runner: CliRunner, *words: str) -> Any:
    result = runner.invoke(app, ["bench", *words, "--json"])
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def refusal(runner: CliRunner, *words: str) -> str:
    result = runner.invoke(app, ["bench", *words])
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr
    return " ".join(result.stderr.split())


FAST = ("--methods", "mutualist,ksg,copula,cca,sklearn")


def test_records_of_fewer_rows_than_an_estimate_takes_are_left_out(runner: CliRunner, tmp_path: Path) -> None:
    table = rows(6)
    for i, size in ((0, 1), (3, 3)):
        table["n"][i] = size
        for side in "xy":
            table[side][i] = table[side][i][: size * table[f"d{side}"][i]]
    out = tmp_path / "out"
    got = answer(runner, str(save(tmp_path / "mine.parquet", table)), *FAST, "--out", str(out))
    methods = got["suites"]["mine"]["methods"]
    assert methods["mutualist"]["records"] == 4
    assert methods["ksg"]["records"] == 4
    assert (out / "mine.png").exists()


def test_all_methods_on_one_file(runner: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mutualist.bench.neural.STEPS", 40)
    path = save(tmp_path / "mine.parquet", rows())
    got = answer(runner, str(path), "--subset", "2", "--resamples", "4", "--out", str(tmp_path / "out" / "deep"))
    scores = got["suites"]["mine"]
    counts = {name: row["records"] for name, row in scores["methods"].items()}
    assert counts["mutualist"] == counts["ksg"] == 24
    assert counts["sklearn"] == 8  # those of 1 + 1 columns
    assert counts["mine"] <= counts["ksg-bootstrap"] <= 2
    assert got["model"] == {"name": "gaussian", "version": "0"}
    assert set(scores["by"]) == {"n", "d", "mi", "family"}
    assert list(scores["by"]["family"]) == ["a", "b"]
    out = tmp_path / "out" / "deep"
    assert json.loads((out / "bench.json").read_text()) == got
    with (out / "answers.csv").open() as file:
        table = list(csv.DictReader(file))
    ours = [row for row in table if row["method"] == "mutualist"]
    assert len(ours) == 24
    error = np.mean([abs(float(row["q0.5"]) - float(row["mi"])) for row in ours])
    assert error == pytest.approx(scores["methods"]["mutualist"]["mae"], abs=1e-5)
    assert {path.name for path in out.glob("*.png")} == {"mine.png", "mine-families.png"}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in out.glob("*.png"))


def test_the_same_seed_gives_the_same_scores(runner: CliRunner, tmp_path: Path) -> None:
    path = str(save(tmp_path / "a.parquet", rows()))
    words = (path, "--methods", "mutualist,ksg,ksg-bootstrap", "--limit", "10", "--subset", "5", "--resamples", "4")

    def scores(*more: str) -> Any:
        got = answer(runner, *words, *more)["suites"]["a"]
        for row in got["methods"].values():
            row.pop("ms", None)
        return got["methods"], got["intervals"]

    assert scores() == scores("--seed", "0")
    assert scores() != scores("--seed", "1")


def test_values_side_by_side_or_in_one_list_score_alike(runner: CliRunner, tmp_path: Path) -> None:
    apart = save(tmp_path / "same" / "a.parquet", rows())
    table = rows(together=True)
    table["task"] = table.pop("family")
    together = save(tmp_path / "other" / "a.parquet", table)
    found = [answer(runner, str(path), *FAST)["suites"]["a"]["methods"] for path in (apart, together)]
    assert found[0]["ksg"]["mae"] == found[1]["ksg"]["mae"]
    assert found[0]["mutualist"]["mse"] == found[1]["mutualist"]["mse"]


def test_splits_of_folders_and_files_in_one_run(runner: CliRunner, tmp_path: Path) -> None:
    for split in ("test", "test_ood"):
        for shard in range(2):
            save(tmp_path / "meta" / split / f"shard-{shard:05d}.parquet", rows(6))
    file = save(tmp_path / "b.parquet", rows(5))
    folder = str(tmp_path / "meta")
    got = answer(runner, folder, "--split", "test", "--split", "test_ood", *FAST)
    assert {name: one["records"] for name, one in got["suites"].items()} == {"test": 12, "test_ood": 12}
    both = answer(runner, folder, str(file), *FAST)
    assert {name: one["records"] for name, one in both["suites"].items()} == {"meta/test": 12, "b": 5}


def test_tables_for_people(runner: CliRunner, tmp_path: Path) -> None:
    path = str(save(tmp_path / "a.parquet", rows(60)))
    result = runner.invoke(app, ["bench", path, "--subset", "3", "--resamples", "4", "--by", "family", *FAST])
    assert result.exit_code == 0
    for part in ("a: errors of the estimate, in nats, on 60 records", "sklearn", "coverage", "error by family"):
        assert part in result.stdout
    assert "error by n" not in result.stdout
    alone = runner.invoke(app, ["bench", path, "--methods", "ksg"])
    assert alone.exit_code == 0
    assert "mutualist" not in alone.stdout


def test_mistakes_end_in_one_message(runner: CliRunner, tmp_path: Path) -> None:
    good = str(save(tmp_path / "a.parquet", rows(5)))
    save(tmp_path / "meta" / "train" / "shard-00000.parquet", rows(2))
    (tmp_path / "text.parquet").write_text("n,mi\n")
    (tmp_path / "empty").mkdir()
    table = rows(5)
    del table["mi"]
    said = {
        "no method 'best'; choose from mutualist, ksg": (good, "--methods", "ksg,best"),
        "no methods; choose from": (good, "--methods", ","),
        "--by is 'n,q'; choose from": (good, "--by", "n,q"),
        "no such file or folder; make test data with": (str(tmp_path / "nowhere"),),
        "in a split 'test'; it has train: choose with --split": (str(tmp_path / "meta"),),
        "it has no splits at all": (str(tmp_path / "empty"),),
        "not a whole Parquet file": (str(tmp_path / "text.parquet"),),
        "no column mi; a file to be scored has": (str(save(tmp_path / "no.parquet", table)),),
        "no records": (str(save(tmp_path / "none.parquet", {key: v[:0] for key, v in rows(1).items()})),),
        "is a file; name a folder": (good, "--out", good),
    }
    for message, words in said.items():
        assert message in refusal(runner, *words)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("n", 7, "record 1 contradicts itself: n=7"),
        ("mi", -0.5, "contradicts itself"),
        ("mi", float("nan"), "contradicts itself"),
        ("dx", 0, "contradicts itself"),
        ("family", None, "record 1 has nothing in ['family']"),
        ("x", None, "record 1 has nothing in ['x']"),
    ],
)
def test_records_that_contradict_themselves(runner: CliRunner, tmp_path: Path, key: str, value: Any, says: str) -> None:
    table = rows(3)
    table[key][1] = value
    assert says in refusal(runner, str(save(tmp_path / "a.parquet", table)), *FAST)


def test_values_that_are_no_numbers(runner: CliRunner, tmp_path: Path) -> None:
    table = rows(3)
    table["x"][2] = np.full_like(table["x"][2], np.nan)
    assert "record 2 holds NaN or infinite" in refusal(runner, str(save(tmp_path / "a.parquet", table)), *FAST)
    table = rows(3)
    table["x"] = ["a", "b", "c"]
    assert "other types than numbers" in refusal(runner, str(save(tmp_path / "b.parquet", table)), *FAST)


def test_a_truncated_file(runner: CliRunner, tmp_path: Path) -> None:
    path = save(tmp_path / "a.parquet", rows())
    path.write_bytes(path.read_bytes()[:-100])
    assert "not a whole Parquet file" in refusal(runner, str(path), *FAST)
