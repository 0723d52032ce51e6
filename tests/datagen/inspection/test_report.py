"""The page of `mutualist datagen report`."""

import base64
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from mutualist.datagen.cli import app
from mutualist.datagen.config import DatasetConfig, parse_config
from mutualist.datagen.inspection import report
from mutualist.datagen.inspection.label_checks import LabelCheck
from mutualist.datagen.inspection.page import Content, render_page
from mutualist.datagen.pipeline import make_dataset, prepare
from mutualist.datagen.schema import shard_path
from mutualist.datagen.shards import make_shard
from mutualist.errors import DataError, InputError

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(autouse=True)
def few_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing small pictures is what takes time."""
    monkeypatch.setattr(report, "EXAMPLES", 3)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["report", *(str(a) for a in arguments)], env={"COLUMNS": "200"})


@pytest.fixture(scope="module")
def config() -> DatasetConfig:
    families = ("multivariate-normal", "additive-noise", "contingency-table")
    part = {
        "name": "all",
        "n": [{"low": 100, "high": 150}],
        "dims": [{"dx": 1, "dy": 1}, {"dx": {"low": 1, "high": 3}, "dy": {"low": 1, "high": 3}}],
        "independent": 0.2,
        "components": [{"family": f} for f in families],
        "transforms": [{"name": "columns", "probability": 0.5}],
    }
    splits = {"train": {"records": 70}, "validation": {"records": 0}, "test": {"records": 10}}
    return parse_config({"seed": 3, "shard_records": 50, "splits": splits, "parts": [part]})


@pytest.fixture(scope="module")
def dataset(config: DatasetConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("made") / "<small> & odd"
    prepare(config, directory)
    for split in config.splits:
        for i in range(len(config.shards(split))):
            make_shard(config, split, i, str(directory))
    make_dataset(config, directory)
    return directory


def test_the_page_stands_alone_and_says_what_was_made(dataset: Path, tmp_path: Path) -> None:
    result = run(dataset, "--out", tmp_path / "page.html", "--checks", 3)
    assert result.exit_code == 0, result.output
    assert "80 records" in result.output
    assert re.search(r"\d of \d checks of 3 labels agree", result.output)
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "<script" not in page
    assert not re.search(r"(src|href|url)\s*[=(]\s*[\"']?\s*(https?:|//)", page)
    assert "default-src 'none'" in page
    assert "&lt;small&gt; &amp; odd" in page
    assert "<small>" not in page
    pictures = [base64.b64decode(b) for b in re.findall(r'src="data:image/png;base64,([^"]+)"', page)]
    assert len(pictures) == page.count("<img") == 6
    assert all(p.startswith(PNG) and len(p) > 3000 for p in pictures)
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", re.sub(r'base64,[^"]+', "", page)))
    for words in (
        "80 records",
        "3 families",
        "No record was dropped",
        "train 70 2",
        "test 10 1",
        "columns ",
        "seed: 3",
    ):
        assert words in text
    for word in ("mutualist 0.", "numpy", "pyarrow", "the same"):
        assert word in text


def test_what_cannot_be_reported_is_said(dataset: Path, tmp_path: Path, config: DatasetConfig) -> None:
    assert isinstance(run(tmp_path, "--out", tmp_path / "p.html").exception, DataError)
    assert isinstance(run(dataset, "--out", tmp_path / "nowhere" / "p.html").exception, InputError)
    prepare(config, tmp_path / "begun")
    assert "not finished" in str(run(tmp_path / "begun", "--out", tmp_path / "p.html").exception)
    empty = parse_config({**config.model_dump(mode="json"), "splits": {"train": {"records": 0}}})
    make_dataset(empty, tmp_path / "empty")
    assert "no records" in str(run(tmp_path / "empty", "--out", tmp_path / "p.html").exception)
    assert not (tmp_path / "p.html").exists()


def test_a_damaged_shard_is_named(config: DatasetConfig, dataset: Path, tmp_path: Path) -> None:
    path = shard_path(dataset, "train", 1)
    data = path.read_bytes()
    try:
        path.write_bytes(data[:-50])
        assert re.search(r"shard-00001\.parquet.*truncated", str(run(dataset, "--out", tmp_path / "p.html").exception))
    finally:
        path.write_bytes(data)


def test_records_dropped_and_labels_that_disagree_stand_on_the_page(dataset: Path) -> None:
    bad = LabelCheck("test", 4, "copula", 1, 1, 1, 1.0, "neighbours", 0.25, (0.05, 0.05))
    assert not bad.agrees
    manifest: dict[str, Any] = {
        "versions": {"python": "3.11.0", "numpy": "1.0"},
        "config": {"seed": 1},
        "config_sha256": "ab",
        "splits": {"test": {"dropped": 2}},
    }
    content = Content(
        place=str(dataset), manifest=manifest, facts=[], splits=[], transforms={}, checks=[bad],
        versions_changed={"numpy": ("1.0", "2.0")}, mi_law=PNG, coverage=PNG, families=PNG, singles=None, wide=None,
        label_checks=PNG,
    )  # fmt: skip
    page = render_page(content)
    assert "2 records were dropped" in page
    assert "1 of 1 lie outside" in page
    assert "copula (block 1)" in page
    assert "--split test --id 4" in page
    assert "<td>1.0</td><td>2.0</td>" in page
    assert "No label was checked." in render_page(replace(content, checks=[], label_checks=None))
