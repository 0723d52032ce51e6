"""`mutualist datagen show` and `verify`, from outside; and that training reads no shard that is not as listed."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from mutualist.datagen.cli import app
from mutualist.datagen.config import parse_config
from mutualist.datagen.manifest import config_digest
from mutualist.datagen.pipeline import make_dataset, prepare
from mutualist.datagen.schema import shard_path
from mutualist.datagen.shards import make_shard
from mutualist.datagen.storage import StoredFile
from mutualist.errors import DataError, InputError
from mutualist.training.shards import read_records


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": "200"})


def make_here(values: dict[str, Any], directory: Path) -> Path:
    config = parse_config(values)
    prepare(config, directory)
    for split in config.splits:
        for i in range(len(config.shards(split))):
            make_shard(config, split, i, str(directory))
    make_dataset(config, directory)
    return directory


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two meta-datasets that differ in their seed only."""
    part = {
        "name": "all",
        "n": [{"low": 10, "high": 40}],
        "dims": [{"dx": {"low": 1, "high": 3}, "dy": {"low": 1, "high": 3}}],
        "independent": 0.2,
        "components": [{"family": "multivariate-normal"}, {"family": "additive-noise"}],
        "transforms": [{"name": "mixing", "probability": 0.5}],
    }
    values = {"shard_records": 10, "splits": {"train": {"records": 25}, "test": {"records": 5}}, "parts": [part]}
    folder = tmp_path_factory.mktemp("made")
    return make_here({"seed": 7, **values}, folder / "a"), make_here({"seed": 8, **values}, folder / "b")


@pytest.fixture
def dataset(made: tuple[Path, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(made[0], tmp_path / "d"))


def flip(path: Path, needle: bytes) -> None:
    """Flips one bit of the first occurrence of `needle`."""
    data = bytearray(path.read_bytes())
    data[data.index(needle)] ^= 1
    path.write_bytes(data)


def change_manifest(directory: Path, **changes: Any) -> None:
    path = directory / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(("split", "number"), [("train", 0), ("train", 13), ("train", 24), ("test", 4)])
def test_a_record_is_made_again_to_the_last_bit(made: tuple[Path, Path], split: str, number: int) -> None:
    result = run("show", made[0], "--id", number, "--split", split)
    assert result.exit_code == 0, result.output
    row = pq.read_table(shard_path(made[0], split, number // 10)).slice(number % 10, 1).to_pylist()[0]
    assert row["id"] == number
    for word in (
        "identical",
        row["family"],
        f"dx = {row['dx']}",
        f"{row['x'][0]:.4g}",
        ", 0, " if split == "train" else ", 3, ",
    ):
        assert word in result.output
    stated = json.loads(run("show", made[0], "--id", number, "--split", split, "--json").output)
    assert stated["identical"] is True
    assert stated["differences"] == {}
    assert stated["record"]["mi"] == row["mi"]
    np.testing.assert_array_equal(np.ravel(stated["record"]["x"]), row["x"][: 5 * row["dx"]])


def test_a_missing_record_is_named_with_the_range(made: tuple[Path, Path], tmp_path: Path) -> None:
    for number in (25, -1):
        error = run("show", made[0], "--id", number).exception
        assert isinstance(error, InputError)
        assert "from 0 to 24" in str(error)
    error = run("show", made[0], "--id", 0, "--split", "validation").exception
    assert isinstance(error, InputError)
    assert "train, test" in str(error)
    for command in (("show", tmp_path, "--id", 0), ("verify", tmp_path), ("verify", made[0] / "manifest.json")):
        error = run(*command).exception
        assert isinstance(error, DataError)
        assert "no meta-dataset" in str(error)


def test_a_flipped_bit_is_found_where_it_is(dataset: Path) -> None:
    path = shard_path(dataset, "train", 1)
    x = np.asarray(pq.read_table(path)["x"][3].as_py(), np.float32)
    flip(path, x.tobytes())
    result = run("show", dataset, "--id", 13)
    assert result.exit_code == 1
    assert re.search(r"different.*\n\s*x: 1 of", result.output)
    assert "sha256" in result.output
    stated = json.loads(run("show", dataset, "--id", 13, "--json").output)
    assert (stated["identical"], list(stated["differences"])) == (False, ["x"])
    neighbour = run("show", dataset, "--id", 14, "--json")
    assert neighbour.exit_code == 1, "the record is the same, its file is not"
    assert json.loads(neighbour.output)["identical"] is True


DAMAGES = {
    "flipped": "changed",
    "truncated": "truncated",
    "missing": "missing",
    "text": "no whole shard",
    "of another dataset": "another configuration",
    "of another place": "train/shard-00000.parquet under another name",
}


def damage(kind: str, path: Path, other: Path) -> None:
    if kind == "flipped":
        flip(path, np.asarray(pq.read_table(path)["x"][3].as_py(), np.float32).tobytes())
    elif kind == "truncated":
        path.write_bytes(path.read_bytes()[:-100])
    elif kind == "missing":
        path.unlink()
    elif kind == "text":
        path.write_text("x" * path.stat().st_size)
    elif kind == "of another dataset":
        shutil.copy(shard_path(other, "train", 1), path)
    else:
        shutil.copy(path.with_name("shard-00000.parquet"), path)


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_shard_is_named_wherever_it_is_read(dataset: Path, made: tuple[Path, Path], kind: str) -> None:
    path = shard_path(dataset, "train", 1)
    damage(kind, path, made[1])
    result = run("verify", dataset)
    assert isinstance(result.exception, DataError)
    assert re.search(rf"train/shard-00001\.parquet: .*{re.escape(DAMAGES[kind])}", result.output), result.output
    assert "3 of 4 shards" in result.output
    shown = run("show", dataset, "--id", 13)
    assert shown.exit_code == 1
    if kind in ("truncated", "missing", "text"):
        assert isinstance(shown.exception, DataError)
        assert f"{path}" in str(shown.exception)
    assert DAMAGES[kind] in (str(shown.exception) if isinstance(shown.exception, DataError) else shown.output)
    with pytest.raises(DataError, match=r"shard-00001\.parquet"):
        list(read_records(StoredFile.at(path)))
    assert len(list(read_records(StoredFile.at(shard_path(dataset, "train", 0))))) == 10


def test_verify_names_files_that_are_not_listed(made: tuple[Path, Path], dataset: Path) -> None:
    result = run("verify", dataset)
    assert result.exit_code == 0, result.output
    assert "4 of 4 shards" in result.output
    shutil.copy(shard_path(dataset, "train", 0), shard_path(dataset, "train", 3))
    result = run("verify", dataset)
    assert isinstance(result.exception, DataError)
    assert "train/shard-00003.parquet: foreign" in result.output
    with pytest.raises(DataError, match="foreign"):
        list(read_records(StoredFile.at(shard_path(dataset, "train", 3))))


def test_a_changed_manifest_is_noticed(dataset: Path) -> None:
    manifest = json.loads((dataset / "manifest.json").read_text())
    config = {**manifest["config"], "seed": 9}
    change_manifest(dataset, config=config)
    for command in (("verify", dataset), ("show", dataset, "--id", 1)):
        error = run(*command).exception
        assert isinstance(error, DataError)
        assert "has been changed" in str(error)
    # With a digest to match, it is its shards that belong to another configuration, and the record that differs.
    change_manifest(dataset, config=config, config_sha256=config_digest(config))
    assert "another configuration" in run("verify", dataset).output
    result = run("show", dataset, "--id", 1)
    assert result.exit_code == 1
    assert "seed_path" in result.output
    (dataset / "manifest.json").write_text("{")
    assert "not JSON" in str(run("verify", dataset).exception)


def test_other_versions_are_a_hint_only_where_the_record_differs(dataset: Path) -> None:
    manifest = json.loads((dataset / "manifest.json").read_text())
    change_manifest(dataset, versions={**manifest["versions"], "mutualist": "0.0.1", "no-such-package": "3"})
    result = run("show", dataset, "--id", 13)
    assert result.exit_code == 0
    assert "0.0.1" not in result.output
    path = shard_path(dataset, "train", 1)
    flip(path, np.asarray(pq.read_table(path)["x"][3].as_py(), np.float32).tobytes())
    assert "mutualist 0.0.1 (now" in run("show", dataset, "--id", 13).output
    # A configuration that this version cannot read any more
    config = {**manifest["config"], "gone": 1}
    change_manifest(dataset, config=config, config_sha256=config_digest(config))
    assert "mutualist 0.0.1 (now" in str(run("show", dataset, "--id", 13).exception)


def test_an_unfinished_run_is_said_to_be_unfinished(dataset: Path) -> None:
    change_manifest(dataset, complete=False, shards=[])
    error = run("verify", dataset).exception
    assert isinstance(error, DataError)
    assert "not finished" in str(error)
    assert run("show", dataset, "--id", 13).exit_code == 0
