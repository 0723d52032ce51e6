"""`mutualist datagen fit-flow`, and the parts it is made of: reading, rounding, the two-sample check."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import mutualist.datagen.families  # noqa: F401  registers the families
from mutualist.datagen.cli import app
from mutualist.datagen.flows.columns import read_columns, rounded, rounding, unrounded
from mutualist.datagen.flows.two_sample import auc, two_sample_auc
from mutualist.datagen.registry import make_family
from mutualist.errors import ConfigError, DataError, InputError


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    u = rng.standard_normal(150)
    columns = {
        "a": np.round(np.exp(u), 2),
        "b": np.round(10 * u**2 + rng.standard_normal(150)).astype(int),
        "word": np.repeat("x", 150),
        "same": np.ones(150),
        "holes": [None, *range(149)],
    }
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    pyarrow.csv.write_csv(pa.table(columns), tmp_path / "t.csv")
    return tmp_path / "t.parquet"


def test_command_fits_checks_and_stores(table: Path, tmp_path: Path) -> None:
    arguments = ["fit-flow", str(table), "--columns", "a,b", "--steps", "4", "--layers", "1", "--seed", "5"]
    result = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "flow")])
    assert result.exit_code == 0, result.output
    for word in ("AUC", "30 rows not fitted", "120 rows fitted", "family: fitted-flow"):
        assert word in result.output
    facts = json.loads((tmp_path / "flow" / "flow.json").read_text())["facts"]
    assert facts["rounding"] == [0.01, 1.0]
    assert 0 < facts["round_trip"] < 1e-4
    assert facts["auc"]["flow"]["value"] < facts["auc"]["normal"]["value"]
    assert facts["test_likelihood"]["flow"] > facts["test_likelihood"]["normal"]
    assert make_family("fitted-flow", {"flow": str(tmp_path / "flow")}).supports(2, 1)

    again = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "flow")])
    assert isinstance(again.exception, ConfigError)
    assert "--overwrite" in str(again.exception)
    CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "second")])
    for name in ("flow.json", "flow.safetensors"):
        assert (tmp_path / "flow" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_unusable_tables_are_named(table: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.parquet").write_bytes(b"no Parquet")
    (tmp_path / "few.csv").write_text("a,b\n" + "1,2\n3,5\n" * 10)
    cases = [
        (tmp_path / "none.csv", "a,b", InputError, "no table at"),
        (tmp_path / "bad.parquet", "a,b", DataError, "cannot be read"),
        (tmp_path / "few.csv", "a,b", InputError, "at least 80 rows and 2 columns, got 20 and 2"),
        (table, "a", InputError, "got 150 and 1"),
        (table, "a,z", InputError, "has no column 'z'; its columns are a, b"),
        (table, "a,a", InputError, "'a' is named twice"),
        (table, "a,word", InputError, "'word' .* holds string, not numbers"),
        (table, "a,same", InputError, "'same' .* is constant"),
        (table, "a,holes", InputError, "'holes' .* has 1 missing"),
    ]
    for path, columns, kind, message in cases:
        out = ["--columns", columns, "--out", str(tmp_path / "flow")]
        error = CliRunner().invoke(app, ["fit-flow", str(path), *out]).exception
        assert isinstance(error, kind), (columns, error)
        with pytest.raises(kind, match=message):
            raise error
    assert not (tmp_path / "flow").exists()


def test_csv_and_parquet_read_alike(table: Path) -> None:
    values = read_columns(table, ["b", "a"])
    np.testing.assert_array_equal(values, read_columns(table.with_suffix(".csv"), ["b", "a"]))


def test_rounding_is_found_undone_and_done_again() -> None:
    rng = np.random.default_rng(1)
    values = np.column_stack([np.round(rng.normal(size=99), 3), 100 * rng.integers(-9, 9, 99), rng.normal(size=99)])
    steps = rounding(values)
    np.testing.assert_allclose(steps, [0.001, 100.0, 0.0])
    spread = unrounded(values, steps, rng)
    assert len(np.unique(spread[:, 1])) == 99
    np.testing.assert_array_equal(spread[:, 2], values[:, 2])
    np.testing.assert_allclose(rounded(spread, steps), values, atol=1e-12)


def test_auc_and_its_error() -> None:
    rng = np.random.default_rng(2)
    # Two unit normals δ apart: AUC = Φ(δ/√2).
    draws = [auc(rng.standard_normal(300), 1.0 + rng.standard_normal(400)) for _ in range(200)]
    values = np.array([d.value for d in draws])
    assert values.mean() == pytest.approx(0.7602, abs=0.006)
    assert np.mean([d.stderr for d in draws]) == pytest.approx(values.std(), rel=0.2)
    assert auc(np.zeros(5), np.zeros(7)).value == 0.5


@pytest.mark.parametrize("difference", ["none", "marginal", "correlation", "ring"])
def test_classifier_sees_differences_and_none_where_there_are_none(difference: str) -> None:
    rng = np.random.default_rng(3)
    real, other = rng.standard_normal((2, 1200, 3))
    if difference == "marginal":
        other[:, 1] = np.sign(other[:, 1]) * (0.7 + 0.3 * np.abs(other[:, 1]))
    elif difference == "correlation":
        other[:, 2] = 0.6 * other[:, 0] + 0.8 * other[:, 2]
    elif difference == "ring":
        other[:, :2] *= (1.2 / np.linalg.norm(other[:, :2], axis=1))[:, None]
    found = two_sample_auc((real[:600], real[600:]), (other[:600], other[600:]), rng)
    if difference == "none":
        assert abs(found.value - 0.5) < 4 * found.stderr
    else:
        assert found.value > 0.6
