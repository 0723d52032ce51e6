"""The command, through its own door: arguments in; text, JSON, files and exit codes out."""

import csv
import importlib
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from mutualist.cli import app
from mutualist.errors import WeightsError

DIABETES = str(Path(__file__).parents[2] / "data" / "examples" / "diabetes.csv")
WINE = str(Path(__file__).parents[2] / "data" / "examples" / "wine.csv")
pytestmark = pytest.mark.usefixtures("gaussian")


def answer(runner: CliRunner, *words: str) -> Any:
    """The JSON of a command that must succeed."""
    result = runner.invoke(app, [*words, "--json"])
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def refusal(runner: CliRunner, *words: str) -> str:
    """The message of a command that must fail as a user's mistake does."""
    result = runner.invoke(app, list(words))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return " ".join(result.stderr.split())


def test_estimate_answers_in_the_shape_of_the_service(runner: CliRunner, gaussian: Any) -> None:
    got = answer(runner, "estimate", DIABETES, "--x", "bmi,blood_pressure", "--y", "progression")
    assert list(got) == [
        *("mi", "unit", "interval", "quantiles", "n", "dx", "dy", "warnings", "model", "strangeness", "expected_error")
    ]
    assert (got["n"], got["dx"], got["dy"], got["unit"]) == (442, 2, 1, "nats")
    data = np.loadtxt(DIABETES, delimiter=",", skiprows=1)
    assert got["mi"] == gaussian.estimate(data[:, [2, 3]], data[:, -1]).mi
    assert got["interval"]["low"] <= got["mi"] <= got["interval"]["high"]


def test_options_of_estimate_change_the_answer(runner: CliRunner) -> None:
    words = ("estimate", DIABETES, "--x", "bmi", "--y", "progression")
    nats = answer(runner, *words)
    bits = answer(runner, *words, "--unit", "bits", "--level", "0.5", "--quantiles", "0.1,0.9")
    assert bits["mi"] * math.log(2) == pytest.approx(nats["mi"])
    assert bits["interval"]["level"] == 0.5
    assert bits["interval"]["high"] * math.log(2) < nats["interval"]["high"]
    assert [q["level"] for q in bits["quantiles"]] == [0.1, 0.9]


def test_estimate_for_people(runner: CliRunner) -> None:
    result = runner.invoke(app, ["estimate", DIABETES, "--x", "bmi", "--y", "progression", "--unit", "bits"])
    assert result.exit_code == 0
    for part in ("bmi", "progression", "442", "bits", "90% interval ["):
        assert part in result.stdout


def test_weights_are_passed_on(runner: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(weights: Path | None) -> None:
        raise WeightsError(f"{weights} holds [no] weights")

    monkeypatch.setattr("mutualist.factory.load_estimator", load)
    said = refusal(runner, "estimate", DIABETES, "--x", "bmi", "--y", "ldl", "--weights", "elsewhere")
    assert said == "error: elsewhere holds [no] weights"


@pytest.mark.parametrize(
    ("content", "options", "says"),
    [
        ("a,b\n1,2\n", [], "x has 1 rows"),
        ("a,b\nx,2\ny,3\n", [], "column 'a' has 2 different texts"),
        (
            "a,b\n1,nan\n2,inf\n3,3\n",
            [],
            "'b' has 1 missing and 1 infinite; leave out these rows with --nan-policy omit",
        ),
        ("a,c\n1,2\n3,4\n", [], "no column 'b'"),
        ("", [], "is empty"),
        ("a,b\n1,2\n3,4\n", ["--level", "1.5"], "--level is 1.5; it must lie strictly between 0 and 1"),
        ("a,b\n1,2\n3,4\n", ["--quantiles", "0.5,x"], "--quantiles is '0.5,x'; give numbers"),
        ("a,b\n1,2\n3,4\n", ["--quantiles", "0.5,1"], "--quantiles is 1; it must lie"),
        ("a,b\n1,2\n3,4\n", ["--unit", "hartleys"], "is not one of 'nats'"),
        ("a,b\n1,2\n3,4\n", ["--y", "a"], "column 'a' is both in --x and in --y"),
    ],
)
def test_mistakes_end_in_one_message(
    runner: CliRunner, tmp_path: Path, content: str, options: list[str], says: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(content)
    assert says in refusal(runner, "estimate", str(path), "--x", "a", "--y", "b", *options)


def test_rows_with_gaps_are_left_out_and_counted(runner: CliRunner, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "".join(f"{i},{i * i}\n" for i in range(20)) + ",1\n2,\n")
    got = answer(runner, "estimate", str(path), "--x", "a", "--y", "b", "--nan-policy", "omit")
    assert got["n"] == 20
    assert got["warnings"] == ["left out 2 of 22 rows with missing or infinite values"]


def test_rank_lists_the_most_informative_column_first(runner: CliRunner, gaussian: Any) -> None:
    got = answer(runner, "rank", DIABETES, "--target", "progression")
    values = [row["mi"] for row in got["columns"]]
    assert len(values) == 10
    assert values == sorted(values, reverse=True)
    data = np.loadtxt(DIABETES, delimiter=",", skiprows=1)
    by_name = {row["column"]: row for row in got["columns"]}
    assert by_name["bmi"]["mi"] == gaussian.estimate(data[:, 2], data[:, -1]).mi
    some = answer(runner, "rank", DIABETES, "--target", "progression", "--columns", "bmi,ldl", "--unit", "bits")
    assert [row["column"] for row in some["columns"]] == ["bmi", "ldl"]
    assert some["columns"][0]["mi"] * math.log(2) == pytest.approx(by_name["bmi"]["mi"])


def test_rank_for_people_has_bars_and_says_what_it_left_out(runner: CliRunner, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b,t,[word]\n" + "".join(f"{i},{i % 3},{i * i},w{i}\n" for i in range(30)))
    result = runner.invoke(app, ["rank", str(path), "--target", "t"])
    assert result.exit_code == 0
    assert "MI [nats]" in result.stdout
    assert "●" in result.stdout
    assert result.stdout.index(" a ") < result.stdout.index(" b ")
    assert "left out column '[word]': it has 30 different texts" in result.stderr
    assert "column 'zzz'" in refusal(runner, "rank", str(path), "--target", "zzz")
    assert "'[word]' has 30 different texts" in refusal(runner, "rank", str(path), "--target", "[word]")
    assert "no usable column but the target" in refusal(runner, "rank", str(path), "--target", "t", "--columns", "t")


def test_warnings_are_shown_once_when_all_columns_share_them(runner: CliRunner, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b,t\n" + "".join(f"{i},{i % 7},{i * i}\n" for i in range(600)))
    result = runner.invoke(app, ["rank", str(path), "--target", "t"])
    assert result.stderr.count("n is above the trained range") == 1


def test_pairwise_writes_the_matrix(runner: CliRunner, tmp_path: Path) -> None:
    out = tmp_path / "matrix.csv"
    got = answer(runner, "pairwise", WINE, "--out", str(out))
    assert len(got["pairs"]) == 14 * 13 / 2
    with out.open() as file:
        header, *lines = csv.reader(file)
    assert header[1:] == got["names"] == [line[0] for line in lines]
    matrix = {(line[0], name): cell for line in lines for name, cell in zip(header[1:], line[1:], strict=True)}
    for row in got["pairs"]:
        assert float(matrix[row["a"], row["b"]]) == float(matrix[row["b"], row["a"]]) == row["mi"]
    assert matrix["ash", "ash"] == ""


def test_pairwise_layouts_units_and_selection(runner: CliRunner, tmp_path: Path) -> None:
    out = tmp_path / "pairs.csv"
    words = ["pairwise", WINE, "--columns", "hue,ash,class", "--unit", "bits", "--layout", "rows", "--level", "0.5"]
    result = runner.invoke(app, [*words, "--out", str(out)])
    assert result.exit_code == 0
    assert "MI [bits]" in result.stdout
    assert out.read_text().splitlines()[0] == "a,b,mi_bits,low_0.5,high_0.5,n"
    assert len(out.read_text().splitlines()) == 4
    assert "at least two columns" in refusal(runner, "pairwise", WINE, "--columns", "hue")
    assert "there is no folder" in refusal(runner, "pairwise", WINE, "--out", str(tmp_path / "no" / "m.csv"))
    wide = runner.invoke(app, ["pairwise", WINE])
    assert "the strongest 10 of 91 pairs" in wide.stdout


@pytest.mark.parametrize(
    ("suffix", "start"), [(".png", b"\x89PNG"), (".pdf", b"%PDF"), (".svg", b"<?xml")], ids=["png", "pdf", "svg"]
)
def test_pictures(runner: CliRunner, tmp_path: Path, suffix: str, start: bytes) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a$b$,c_d,t\n" + "".join(f"{i},{i % 3},{i * i}\n" for i in range(30)))
    bars, heat = tmp_path / f"bars{suffix}", tmp_path / f"heat{suffix}"
    for words, picture in ((["rank", "--target", "t"], bars), (["pairwise"], heat)):
        result = runner.invoke(app, [words[0], str(path), *words[1:], "--plot", str(picture)])
        assert result.exit_code == 0, result.stderr
        assert f"wrote {picture}" in result.stderr
        assert picture.read_bytes().startswith(start)


def test_a_picture_that_cannot_be_drawn_is_refused_before_the_work(runner: CliRunner, tmp_path: Path) -> None:
    words = ("rank", DIABETES, "--target", "progression", "--plot")
    assert "must end in .png" in refusal(runner, *words, "x.gif")
    assert "there is no folder" in refusal(runner, *words, str(tmp_path / "no" / "x.png"))


def test_help_names_every_subcommand_and_teaches(runner: CliRunner) -> None:
    shown = runner.invoke(app, ["--help"]).stdout
    for name in ("estimate", "rank", "pairwise", "serve", "datagen", "train", "calibrate", "export", "version"):
        assert name in shown
    for name in ("estimate", "rank", "pairwise", "serve"):
        result = runner.invoke(app, [name, "--help"])
        assert result.exit_code == 0
        assert f"mutualist {name}" in result.stdout  # an example


@pytest.mark.parametrize(
    ("words", "module", "extra"),
    [
        (["serve"], "fastapi", "serve"),
        (["datagen", "make"], "dask", "datagen"),
        (["train", "fit"], "lightning", "train"),
        (["calibrate"], "lightning", "train"),
        (["export", "--help"], "lightning", "train"),
    ],
)
def test_a_missing_extra_is_named(
    runner: CliRunner, monkeypatch: pytest.MonkeyPatch, words: list[str], module: str, extra: str
) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    monkeypatch.setattr(importlib, "import_module", absent)
    said = refusal(runner, *words)
    assert module in said
    assert f'pip install "mutualist[{extra}]"' in said


def test_serve_refuses_a_port_in_use_and_unknown_log_levels(runner: CliRunner) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert "--port 0 for a free one" in refusal(runner, "serve", "--port", port)
    assert "log-level: Input should be 'critical', 'error'" in refusal(runner, "serve", "--log-level", "loud")


def run(*code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *code], capture_output=True, text=True, timeout=60)


def test_importing_and_help_load_no_torch() -> None:
    heavy = "{'torch', 'scipy', 'matplotlib', 'pyarrow', 'fastapi', 'dask', 'lightning'} & sys.modules.keys()"
    for code in ("import mutualist", "import mutualist.cli", "from mutualist import InputError, MIEstimate"):
        done = run("-c", f"import sys; {code}; print(sorted({heavy}))")
        assert done.stdout.strip() == "[]", done.stderr


def test_the_real_command_shows_its_version_and_its_mistakes() -> None:
    done = run("-m", "mutualist", "version")
    assert done.returncode == 0
    assert done.stdout.startswith("mutualist 0.")
    wrong = run("-m", "mutualist", "estimate", "no-such.csv", "--x", "a", "--y", "b")
    assert wrong.returncode == 2
    assert wrong.stdout == ""
    assert "no file no-such.csv" in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_a_place_that_cannot_be_written(runner: CliRunner, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("a,b\n" + "".join(f"{i},{i % 7}\n" for i in range(30)))
    folder = tmp_path / "d.png"
    folder.mkdir()
    for words in (["pairwise", "--out", str(tmp_path)], ["rank", "--target", "a", "--plot", str(folder)]):
        done = runner.invoke(app, [words[0], str(table), *words[1:]])
        assert done.exit_code == 2
        assert "it is a folder" in done.stderr


def test_too_few_columns_say_why(runner: CliRunner, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("a,b\n" + "".join(f"name {i},{i % 7}\n" for i in range(30)))
    for words in (["pairwise"], ["rank", "--target", "b"]):
        done = runner.invoke(app, [words[0], str(table), *words[1:]])
        assert done.exit_code == 2
        assert "'a'" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("datagen", "make", "--config", "tiny", "--out", "FILE"),
        ("calibrate", "--checkpoint", "last.ckpt", "--data", "data", "--out", "FILE/calibration.json"),
    ],
    ids=["datagen make", "calibrate"],
)
def test_an_output_that_lies_at_or_in_a_file_is_named(
    runner: CliRunner, tmp_path: Path, words: tuple[str, ...]
) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("kept")
    result = runner.invoke(app, [word.replace("FILE", str(file)) for word in words])
    assert result.exit_code == 2
    message = " ".join(result.stderr.split())
    assert str(file) in message
    assert "give another place" in message
    assert file.read_text() == "kept"
