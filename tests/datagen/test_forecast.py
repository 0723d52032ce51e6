import io

import numpy as np
from rich.console import Console

from mutualist.datagen.config import DatasetConfig, parse_config
from mutualist.datagen.forecast import forecast, show_forecast
from mutualist.datagen.prior import Prior
from mutualist.datagen.shards import write_shard


def test_bytes_and_mi_are_those_of_the_records(small: DatasetConfig, tmp_path) -> None:
    (mixture,) = forecast(small, sample=20)
    prior = Prior(small)
    records = [prior.draw_record("train", 0, i) for i in range(20)]
    np.testing.assert_array_equal(mixture.mi, [r.mi for r in records])
    assert mixture.splits == {"train": (50, 3), "test": (10, 1)}
    write_shard(tmp_path / "s.parquet", records, {})
    # The file's own header and footer, some kilobytes, are not counted.
    written = (tmp_path / "s.parquet").stat().st_size - 8000
    assert 0.85 * written < 20 * mixture.bytes_each < 1.15 * written + 8000
    assert mixture.seconds_each > 0


def test_mixtures_of_their_own_are_sampled_apart_and_refused_draws_shown(small: DatasetConfig) -> None:
    values = small.model_dump(mode="json")
    values["splits"] = {"train": {"records": 30, "parts": ["all"]}, "test": {"records": 30, "parts": ["other"]}}
    values["parts"].append({**values["parts"][0], "name": "other", "independent": 0, "mi": [{"low": 1, "high": 2}]})
    mixtures = forecast(parse_config(values))
    assert [list(m.splits) for m in mixtures] == [["train"], ["test"]]
    assert mixtures[0].rejected == 0 < mixtures[1].rejected
    assert ((mixtures[1].mi >= 1) & (mixtures[1].mi < 2)).all()
    out = io.StringIO()
    show_forecast(mixtures, Console(file=out, width=100))
    assert f"refused: {mixtures[1].rejected:.1f} a record" in out.getvalue()
    assert "1 to 3     100.0%" in out.getvalue()


def test_nothing_asked_for_is_said(small: DatasetConfig) -> None:
    values = {**small.model_dump(mode="json"), "splits": {"train": {"records": 0}}}
    out = io.StringIO()
    show_forecast(forecast(parse_config(values)), Console(file=out))
    assert "no records" in out.getvalue()
