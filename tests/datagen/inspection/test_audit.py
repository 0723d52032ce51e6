"""`mutualist datagen verify --records --labels N`, from outside: what is well passes, what is not is named."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from mutualist.datagen.cli import app
from mutualist.datagen.config import DatasetConfig, parse_config
from mutualist.datagen.inspection.audit import choose_records
from mutualist.datagen.pipeline import make_dataset, prepare
from mutualist.datagen.prior import Prior, Record
from mutualist.datagen.shards import make_shard
from mutualist.errors import DataError


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["verify", *(str(a) for a in arguments)], env={"COLUMNS": "200"})


def make_here(config: DatasetConfig, directory: Path) -> Path:
    prepare(config, directory)
    for split in config.splits:
        for i in range(len(config.shards(split))):
            make_shard(config, split, i, str(directory))
    make_dataset(config, directory)
    return directory


def test_all_is_well_with_what_was_made(small: DatasetConfig, tmp_path: Path) -> None:
    result = run(make_here(small, tmp_path / "d"), "--records", "--labels", 4)
    assert result.exit_code == 0, result.output
    assert "60 records: 0 faulty, 0 met before by content" in result.output
    assert "configured 20.00%" in result.output
    assert "4 labels" in result.output


def one(value: float) -> Any:
    def change(r: Record) -> Record:
        x = r.x.copy()
        x[-1, -1] = value
        return r._replace(x=x)

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (one(np.nan), "record 23 of 'train': values that are not finite"),
        (one(-np.inf), "not finite"),
        (lambda r: r._replace(mi=-0.5), "an MI of -0.5"),
        (lambda r: r._replace(mi=1.0, mi_stderr=0.021), "with a standard error of 0.021, above 0.02"),
        (lambda r: r._replace(dx=r.dx + 1), "values for n="),
        (lambda r: r._replace(id=5), "its id is 5"),
        (lambda r: r._replace(mi=0.3, parameters='{"independent":true}'), "drawn apart, and yet"),
    ],
)
def test_a_faulty_record_is_named(
    small: DatasetConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Any, words: str
) -> None:
    draw = Prior.draw_record

    def faulty(self: Prior, split: str, shard: int, i: int) -> Record:
        record = draw(self, split, shard, i)
        return change(record) if (split, shard, i) == ("train", 1, 3) else record

    monkeypatch.setattr(Prior, "draw_record", faulty)
    directory = make_here(small, tmp_path / "d")
    assert run(directory).exit_code == 0, "the file is as it was made"
    result = run(directory, "--records")
    assert isinstance(result.exception, DataError)
    assert words in result.output
    assert "60 records: 1 faulty" in result.output


def test_a_record_met_before_is_counted_whatever_its_label(
    small: DatasetConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = Prior.draw_record

    def again(self: Prior, split: str, shard: int, i: int) -> Record:
        if split == "test" and i == 4:
            return draw(self, "train", 0, 7)._replace(id=4, mi=0.7)
        return draw(self, split, shard, i)

    monkeypatch.setattr(Prior, "draw_record", again)
    result = run(make_here(small, tmp_path / "d"), "--records")
    assert isinstance(result.exception, DataError)
    assert "0 faulty, 1 met before by content" in result.output


def test_a_share_that_is_not_the_configured_one_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = {
        "name": "all",
        "n": [{"low": 10, "high": 12}],
        "dims": [{"dx": 1, "dy": 1}],
        "independent": 0.5,
        "components": [{"family": "multivariate-normal"}],
    }
    config = parse_config({"seed": 1, "splits": {"train": {"records": 200}}, "parts": [part]})
    never = {**config.model_dump(mode="json"), "parts": [{**part, "independent": 0.0}]}
    other = Prior(parse_config(never))
    monkeypatch.setattr(Prior, "draw_record", lambda self, *at: other._draw((1, 0, *at[1:]), at[0], at[2]))
    result = run(make_here(config, tmp_path / "d"), "--records")
    assert isinstance(result.exception, DataError)
    assert "0 records are independent, where the configuration asks for 100 ± 7" in result.output


def test_a_label_that_is_wrong_is_named(small: DatasetConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = make_here(small, tmp_path / "d")
    draw = Prior.draw_joint

    def wrong(self: Prior, split: str, shard: int, i: int) -> Any:
        joint, rng = draw(self, split, shard, i)
        for block in joint.blocks():
            block.mi += 0.6 + 0.3 * block.mi
        return joint, rng

    monkeypatch.setattr(Prior, "draw_joint", wrong)
    result = run(directory, "--labels", 3)
    assert isinstance(result.exception, DataError)
    assert "checks of labels lie outside" in str(result.exception)
    assert "label" in result.output


def test_labels_are_chosen_once_each_and_from_all_splits(small: DatasetConfig) -> None:
    everything = choose_records(small, 1000, np.random.default_rng(0))
    assert everything == [("train", i) for i in range(50)] + [("test", i) for i in range(10)]
    some = choose_records(small, 20, np.random.default_rng(0))
    assert len(set(some)) == 20
    assert set(some) <= set(everything)
    assert some != choose_records(small, 20, np.random.default_rng(1))
