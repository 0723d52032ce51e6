"""The command with a real network behind it (random weights): what odd columns lead to."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from mutualist import MutualInfoEstimator
from mutualist.cli import app

EXAMPLES = Path(__file__).parents[2] / "data" / "examples"
Ask = Callable[..., Any]


@pytest.fixture
def ask(runner: CliRunner, untrained: Path) -> Ask:
    """Runs a command with the untrained export; gives its JSON, or its message if it fails as it should."""

    def run(*words: str, fails: bool = False) -> Any:
        result = runner.invoke(app, [*words, "--weights", str(untrained), "--json"])
        assert result.exit_code == (2 if fails else 0), result.stderr
        return result.stderr if fails else json.loads(result.stdout)

    return run


def table(path: Path, x: Any, y: Any) -> str:
    np.savetxt(path, np.column_stack([x, y]), delimiter=",", header="a,b", comments="")
    return str(path)


def test_rank_estimate_and_library_agree(ask: Ask, untrained: Path) -> None:
    source = str(EXAMPLES / "diabetes.csv")
    ranking = ask("rank", source, "--target", "progression", "--columns", "bmi,sex,ldl")
    data = np.loadtxt(source, delimiter=",", skiprows=1)
    estimator = MutualInfoEstimator.from_pretrained(untrained)
    for row in ranking["columns"]:
        alone = ask("estimate", source, "--x", row["column"], "--y", "progression")
        direct = estimator.estimate(data[:, {"sex": 1, "bmi": 2, "ldl": 5}[row["column"]]], data[:, -1])
        assert row["mi"] == pytest.approx(alone["mi"], abs=1e-6) == pytest.approx(direct.mi, abs=1e-6)
        assert row["model"] == alone["model"] == {"name": "untrained", "version": "0"}


def test_pairwise_agrees_with_single_pairs(ask: Ask) -> None:
    source = str(EXAMPLES / "wine.csv")
    pairs = ask("pairwise", source, "--columns", "hue,ash,class")["pairs"]
    assert len(pairs) == 3
    for row in pairs:
        alone = ask("estimate", source, "--x", row["a"], "--y", row["b"])
        assert row["mi"] == pytest.approx(alone["mi"], abs=1e-6)
        assert row["low"] == pytest.approx(alone["interval"]["low"], abs=1e-6)


def test_a_constant_column_gets_an_answer_and_a_warning(ask: Ask, tmp_path: Path) -> None:
    answer = ask("estimate", table(tmp_path / "t.csv", np.full(50, 7), np.arange(50)), "--x", "a", "--y", "b")
    assert any("constant" in text for text in answer["warnings"])


def test_a_constant_text_is_answered_as_a_constant_number(ask: Ask, tmp_path: Path) -> None:
    path = tmp_path / "texts.csv"
    path.write_text("a,b\n" + "".join(f"same,{i}\n" for i in range(50)))
    text = ask("estimate", str(path), "--x", "a", "--y", "b")
    number = ask("estimate", table(tmp_path / "t.csv", np.full(50, 7), np.arange(50)), "--x", "a", "--y", "b")
    assert text.pop("warnings") == [*number.pop("warnings"), "took column 'a' as 1 category"]
    assert text == number


def test_ties_get_the_same_answer_twice(ask: Ask, tmp_path: Path) -> None:
    source = table(tmp_path / "t.csv", np.arange(60) % 3, np.arange(60) // 20)
    first, second = (ask("estimate", source, "--x", "a", "--y", "b") for _ in range(2))
    assert first == second


@pytest.mark.parametrize("rows", [1, 3])
def test_too_few_rows_are_refused(ask: Ask, tmp_path: Path, rows: int) -> None:
    source = table(tmp_path / "t.csv", np.arange(rows), np.arange(rows))
    said = " ".join(ask("estimate", source, "--x", "a", "--y", "b", fails=True).split())
    assert f"{rows} rows came" in said
    assert "give more rows" in said


def test_warnings_name_the_columns(ask: Ask, tmp_path: Path) -> None:
    source = table(tmp_path / "t.csv", np.arange(90), np.ones(90))
    estimated = ask("estimate", source, "--x", "a", "--y", "b")["warnings"]
    ranked = ask("rank", source, "--target", "b")["columns"][0]["warnings"]
    paired = ask("pairwise", source)["pairs"][0]["warnings"]
    for warnings in (estimated, ranked, paired):
        assert any("constant columns carry no information: b" in text for text in warnings), warnings
