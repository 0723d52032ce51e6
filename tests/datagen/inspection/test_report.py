"""The page of `mutualist datagen report`, and the nearest neighbours that it checks labels with."""

import base64
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from mutualist.datagen.cli import app
from mutualist.datagen.config import DatasetConfig, parse_config
from mutualist.datagen.inspection import report
from mutualist.datagen.inspection.label_checks import (
    LabelCheck,
    check_labels,
    checkable,
    neighbour_information,
    tolerance,
)
from mutualist.datagen.inspection.page import Content, render_page
from mutualist.datagen.pipeline import make_dataset, prepare
from mutualist.datagen.prior import Prior
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
    assert re.search(r"\d of 3 checked labels agree", result.output)
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
    bad = LabelCheck("test", 4, "copula", 1, 1, 1.0, 0.25, (0.05, 0.05))
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
    assert "--split test --id 4" in page
    assert "<td>1.0</td><td>2.0</td>" in page
    assert "No label was checked." in render_page(replace(content, checks=[], label_checks=None))


@pytest.mark.parametrize("rho", [0.0, 0.6, 0.95])
def test_nearest_neighbours_find_the_mi_of_normals(rho: float) -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((4000, 1))
    y = rho * x + np.sqrt(1 - rho**2) * rng.standard_normal((4000, 1))
    assert neighbour_information(np.exp(9 * x), y, rng) == pytest.approx(-0.5 * np.log1p(-(rho**2)), abs=0.04)
    wide = np.hstack([x, rng.standard_normal((4000, 1))])
    assert neighbour_information(y, wide, rng) == pytest.approx(-0.5 * np.log1p(-(rho**2)), abs=0.06)


def test_nearest_neighbours_find_the_mi_of_classes_and_of_mixtures() -> None:
    """Codes on both sides, on one, and atoms within a continuous column."""
    rng = np.random.default_rng(2)
    code = rng.integers(0, 4, (6000, 1))
    same = np.where(rng.random((6000, 1)) < 0.5, code, rng.integers(0, 4, (6000, 1)))
    joint = np.full((4, 4), 0.5 / 16) + np.eye(4) * 0.5 / 4
    assert neighbour_information(code, same, rng) == pytest.approx(float((joint * np.log(16 * joint)).sum()), abs=0.02)
    # Y uniform on (code, code + 2): ln m - (m - 1) / m ln 2 (Gao et al. 2017, sec. 5); its edges are blurred
    assert neighbour_information(code, code + 2 * rng.random((6000, 1)), rng) == pytest.approx(
        np.log(4) - 0.75 * np.log(2), abs=0.05
    )
    # X is 0 with probability 1/2, else uniform, and so is Y, together: ln 2 from the atoms, the uniform parts apart
    atom = rng.random((6000, 1)) < 0.5
    x, y = (np.where(atom, 0.0, rng.random((6000, 1))) for _ in range(2))
    assert neighbour_information(x, y, rng) == pytest.approx(np.log(2), abs=0.03)


def test_a_wrong_label_is_found(config: DatasetConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    prior = Prior(config)
    fit = [i for i in range(50) if (r := prior.draw_record("train", 0, i)).dx == r.dy == 1 and 0 < r.mi < 2][:4]
    records = [("train", i) for i in fit]
    assert all(c.agrees for c in check_labels(config, records, rows=4000))
    draw = Prior.draw_joint

    def wrong(self: Prior, split: str, shard: int, i: int) -> Any:
        joint, rng = draw(self, split, shard, i)
        joint.mi = 1.2 * joint.mi + 0.15
        return joint, rng

    monkeypatch.setattr(Prior, "draw_joint", wrong)
    assert not any(c.agrees for c in check_labels(config, records, rows=4000))


def test_tolerance_grows_with_columns_where_the_estimate_still_rises() -> None:
    assert tolerance(1.0, 4, -0.1) == tolerance(1.0, 4, 0.0)
    below = [tolerance(1.0, d, 0.1)[0] for d in (2, 3, 4)]
    assert below == sorted(below)
    assert below[0] == pytest.approx(0.05 + 0.1 + 0.02)
    assert checkable(np.array([4.0, 4.1, 2.0, 2.1, 0.0]), np.array([2, 2, 3, 3, 5])).tolist() == [1, 0, 1, 0, 0]


@pytest.mark.slow
def test_labels_of_the_packaged_mixture_agree(tmp_path: Path) -> None:
    from mutualist.datagen.config import load_config

    config = load_config("cpu")
    prior, records = Prior(config), []
    for i in range(1000):
        r = prior.draw_record("test", 0, i)
        if r.mi_stderr == 0 and checkable(np.array([r.mi]), np.array([r.dx + r.dy]))[0]:
            records.append(("test", i))
    checks = check_labels(config, records[:80])
    above = [c for c in checks if c.estimate > c.mi + c.tolerance[1]]
    assert not above, "nearest neighbours fall short, they do not overshoot"
    assert sum(c.agrees for c in checks) >= 0.9 * len(checks)
