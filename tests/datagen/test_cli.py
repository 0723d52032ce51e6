from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

import mutualist.datagen.prior  # noqa: F401  registers families and transforms
from mutualist.datagen.cli import app
from mutualist.datagen.config import DatasetConfig
from mutualist.datagen.registry import FAMILIES
from mutualist.datagen.transforms import TRANSFORMS
from mutualist.errors import ConfigError, DataError


def test_dry_run_says_what_would_be_made_and_writes_nothing(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["make", "--config", "tiny", "--out", str(tmp_path / "d"), "--dry-run"])
    assert result.exit_code == 0, result.output
    for word in ("train", "calibration", "records", "exactly 0", "0.3 to 1", "multivariate-normal", "test_ood, nats"):
        assert word in result.output
    assert not (tmp_path / "d").exists()


def test_errors_are_our_own(tmp_path: Path, small: DatasetConfig) -> None:
    runner = CliRunner()
    assert isinstance(runner.invoke(app, ["make", "--config", "tiny"]).exception, ConfigError)
    assert isinstance(runner.invoke(app, ["make", "--config", "huge", "--dry-run"]).exception, ConfigError)
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(small.model_dump(mode="json")))
    result = runner.invoke(app, ["make", "--config", str(path), "--out", str(tmp_path)])
    assert isinstance(result.exception, DataError)


def test_everything_that_a_configuration_can_name_is_listed_and_explained() -> None:
    runner = CliRunner()
    listed = runner.invoke(app, ["families"], env={"COLUMNS": "200"}).output
    assert not set(FAMILIES) & set(TRANSFORMS)
    for name in [*FAMILIES, *TRANSFORMS]:
        assert f" {name} " in listed
    told = runner.invoke(app, ["families", "copula"]).output
    assert "integral of c ln c" in told
    assert "mi: (0.005, 2.5)" in told
    assert "flow: must be given" in runner.invoke(app, ["families", "fitted-flow"]).output
    assert "condition: 10.0" in runner.invoke(app, ["families", "mixing"]).output
    assert isinstance(runner.invoke(app, ["families", "copulla"]).exception, ConfigError)


@pytest.mark.slow
def test_make_writes_and_reports(tmp_path: Path, small: DatasetConfig) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(small.model_dump(mode="json")))
    arguments = ["make", "--config", str(path), "--out", str(tmp_path / "d"), "--workers", "1"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "60/60" in result.output
    assert (tmp_path / "d" / "manifest.json").exists()
