"""The command with the weights that ship with the package, on a real table."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from mutualist import MutualInfoEstimator
from mutualist.cli import app

DIABETES = Path(__file__).parents[2] / "data" / "examples" / "diabetes.csv"


@pytest.fixture
def ranking(runner: CliRunner, tmp_path: Path) -> dict[str, Any]:
    """The diabetes table with two more columns: noise, and a falling function of the target."""
    data = np.loadtxt(DIABETES, delimiter=",", skiprows=1)
    noise = np.random.default_rng(np.random.SeedSequence(11)).normal(size=len(data))
    header = DIABETES.read_text().splitlines()[0] + ",noise,copy"
    path = tmp_path / "table.csv"
    np.savetxt(path, np.column_stack([data, noise, -(data[:, -1] ** 3)]), "%.17g", ",", header=header, comments="")
    result = runner.invoke(app, ["rank", str(path), "--target", "progression", "--json"])
    assert result.exit_code == 0, result.stderr
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def test_the_bundled_weights_rank_a_real_table(ranking: dict[str, Any]) -> None:
    by_name = {row["column"]: row for row in ranking["columns"]}
    assert ranking["columns"][0]["column"] == "copy"
    assert by_name["copy"]["mi"] > 1
    # The correlation of bmi with the target, 0.59, stands for 0.21 nats; noise shares nothing with the target.
    assert 0.1 < by_name["bmi"]["mi"] < 0.35
    assert by_name["bmi"]["interval"]["low"] > 0.05
    assert by_name["noise"]["mi"] < 0.03
    assert by_name["noise"]["interval"]["low"] < 0.01
    assert by_name["bmi"]["mi"] > by_name["age"]["mi"]
    assert by_name["bmi"]["model"]["name"]


def test_the_bundled_weights_know_a_table_of_counts_whatever_its_categories_are_called() -> None:
    """Cells of a table that order says nothing about: what is counted is what is answered."""
    rng = np.random.default_rng(0)
    cells = np.array([[4, 1, 0, 1], [0, 5, 1, 0], [1, 0, 1, 4], [1, 1, 6, 1]]) / 27
    truth = (cells * np.log(np.where(cells > 0, cells, 1) / np.outer(cells.sum(1), cells.sum(0)))).sum()
    x, y = np.divmod(rng.choice(16, 1500, p=cells.ravel()), 4)
    estimator = MutualInfoEstimator.from_pretrained()
    answers = [estimator.estimate(rng.permutation(4)[x], rng.permutation(4)[y]) for _ in range(6)]
    assert np.ptp([answer.mi for answer in answers]) < 0.06
    for answer in answers:
        assert abs(answer.mi - truth) < 0.05


def test_the_bundled_weights_tell_no_up_from_down_where_rows_come_with_their_mirror_images() -> None:
    """Antithetic samples: no third moment orients a column, and radii correlate with none."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 3))
    y = x[:, :2] + rng.normal(size=(100, 2))
    x, y = np.concatenate([x, -x]), np.concatenate([y, -y])
    estimator = MutualInfoEstimator.from_pretrained()
    expected = estimator.estimate(x, y).values
    for a, b in ((x * [1, -1, -1], -(y**3)), (x * [-1, 1, -1], y), (x, y * [-1, 1])):
        np.testing.assert_allclose(estimator.estimate(a, b).values, expected, atol=1e-5, rtol=1e-5)
