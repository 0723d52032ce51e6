"""What the estimator warns of comes back with every answer, by the names of the columns where there are any."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mutualist import MutualInfoEstimator
from mutualist.result import PairwiseEstimates
from mutualist.serving.answering import pairwise_answer
from mutualist.serving.schemas.requests import PairwiseOptions

RNG = np.random.default_rng(np.random.SeedSequence(71))
COLUMNS: dict[str, list[Any]] = {
    "age": RNG.normal(size=40).tolist(),
    "class": (np.arange(40) % 3).tolist(),
    "x[0]": [1] * 40,
    "dose": [None, *RNG.normal(size=39).tolist()],
}
CODES = "many ties: {} takes 3 values in {} rows"
LEFT_OUT = "left out 1 of 40 rows with missing or infinite values"


@pytest.fixture
def client(make_client: Any, untrained: Path) -> Any:
    return make_client(MutualInfoEstimator.from_pretrained(untrained))


def test_of_a_pair(client: Any) -> None:
    body = {"x": [[age, i % 3] for i, age in enumerate(COLUMNS["age"][:6])], "y": [0, 1, 5, 2, 3, 4]}
    few, ties = client("POST", "/v1/estimate", json=body).json()["warnings"]
    assert few.startswith("n = 6 is outside the range 10 to 500")
    assert ties.startswith(CODES.format("x[1]", 6))


def test_of_two_groups_of_columns(client: Any) -> None:
    body = {"columns": COLUMNS, "x": ["dose", "class"], "y": ["age", "x[0]"], "nan_policy": "omit"}
    left_out, constant, ties = client("POST", "/v1/table/estimate", json=body).json()["warnings"]
    assert (left_out, constant) == (LEFT_OUT, "constant columns carry no information: x[0]")
    assert ties.startswith(CODES.format("class", 39))


def test_of_all_pairs(client: Any) -> None:
    answer = client("POST", "/v1/pairwise", json={"columns": COLUMNS, "nan_policy": "omit"}).json()
    left_out, constant = answer["warnings"]
    assert left_out == LEFT_OUT
    assert constant == "3 of 6 pairs, such as age and x[0]: constant columns carry no information: x[0]"
    exact = {entry["warning"]: entry["pairs"] for entry in answer["pair_warnings"]}
    assert exact["constant columns carry no information: y[0]"] == [[0, 2], [1, 2]]


def test_pair_warnings_keep_the_order_that_each_pair_has() -> None:
    said = {(0, 1): ("b",), (0, 2): ("a", "b"), (1, 2): ("c", "b", "a")}
    result = PairwiseEstimates(("u", "v", "w"), np.array([0.4, 0.6]), np.ones((3, 2)), 9, said)
    found: dict[tuple[int, int], tuple[str, ...]] = {}
    for entry in pairwise_answer(result, PairwiseOptions(), [])["pair_warnings"]:
        for pair in entry["pairs"]:
            found[pair] = (*found.get(pair, ()), entry["warning"])
    assert found == said
