"""Settings: command line before environment before file before default."""

import re
from pathlib import Path

import pytest

from mutualist.errors import ConfigError, InputError
from mutualist.serving.settings import Settings, load_settings


def test_the_command_line_goes_before_the_environment_and_that_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('max_rows = 10\nmax_columns = 11\nmax_pairs = 12\nlog_level = "debug"\n')
    monkeypatch.setenv("MUTUALIST_SERVE_MAX_ROWS", "20")
    monkeypatch.setenv("MUTUALIST_SERVE_MAX_COLUMNS", "21")
    found = load_settings(["--settings", str(file), "--max-rows", "30"])
    assert (found.max_rows, found.max_columns, found.max_pairs, found.log_level) == (30, 21, 12, "debug")
    assert found.max_quantiles == Settings().max_quantiles
    monkeypatch.setenv("MUTUALIST_SERVE_SETTINGS", str(file))
    assert load_settings([]).max_pairs == 12
    assert load_settings([f"--settings={file}"]).max_pairs == 12


def test_the_documentation_gives_the_limits_and_their_defaults() -> None:
    text = (Path(__file__).parents[2] / "docs" / "service.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| ([\d,]+) \|", text, re.M)
    given = {name: float(value.replace(",", "")) for name, value in rows}
    settings = Settings().model_dump()
    assert given == {name: settings[name] for name in given}
    assert {name for name in settings if name.startswith("max_")} <= set(given)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--max-rows", "1"], "max-rows: Input should be greater than or equal to 4"),
        (["--max-rows", "many"], "max-rows"),
        (["--workers", "0"], "workers"),
        (["--settings", "nowhere.toml"], "there is no settings file"),
        (["--settings"], "needs the name"),
    ],
)
def test_what_cannot_be_is_refused(words: list[str], says: str) -> None:
    with pytest.raises((ConfigError, InputError), match=says):
        load_settings(words)


def test_an_unknown_option_is_refused_wherever_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        load_settings(["--max-rosw", "3"])
    assert stopped.value.code == 2
    assert "--max-rosw" in capsys.readouterr().err
    file = tmp_path / "settings.toml"
    file.write_text("max_rosw = 3\n")
    with pytest.raises(ConfigError, match="max-rosw"):
        load_settings(["--settings", str(file)])
    file.write_text("max_rows = \n")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(["--settings", str(file)])
    monkeypatch.setenv("MUTUALIST_SERVE_MAX_ROSW", "3")
    with pytest.raises(ConfigError, match="MUTUALIST_SERVE_MAX_ROSW"):
        load_settings([])


def test_help_lists_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        load_settings(["--help"])
    assert stopped.value.code == 0
    shown = capsys.readouterr().out
    for name in Settings.model_fields:
        assert f"--{name.replace('_', '-')}" in shown
    assert "MUTUALIST_SERVE_MAX_ROWS" in shown
    assert "--settings" in shown
