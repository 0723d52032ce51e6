"""Quantiles, intervals and units of an estimate, and of all pairs of a table."""

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mutualist.errors import InputError
from mutualist.result import MIEstimate, PairwiseEstimates

LEVELS = np.array([0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99])
levels_in = st.floats(0.001, 0.999)
few = settings(max_examples=60, deadline=None)


@st.composite
def estimates(draw: st.DrawFn) -> MIEstimate:
    steps = draw(st.lists(st.floats(0, 5), min_size=len(LEVELS), max_size=len(LEVELS)))
    return MIEstimate(LEVELS, np.cumsum(steps), n=100, dx=1, dy=2)


def make(values: list[float] | None = None, **changes: object) -> MIEstimate:
    grid = [0.0, 0.1, 0.3, 0.4, 0.5, 0.8, 1.0] if values is None else values
    arguments = {"n": 500, "dx": 1, "dy": 1, "model": {"name": "m", "version": "1"}} | changes
    return MIEstimate(LEVELS, np.array(grid), **arguments)  # type: ignore[arg-type]


@few
@given(estimates(), levels_in, levels_in)
def test_quantiles_do_not_cross_and_are_not_negative(estimate: MIEstimate, a: float, b: float) -> None:
    low, high = estimate.quantile(min(a, b)), estimate.quantile(max(a, b))
    assert 0 <= low <= high + 1e-12 * (1 + high)


@few
@given(estimates(), levels_in, levels_in)
def test_a_wider_interval_holds_a_narrower_one_and_the_median(estimate: MIEstimate, a: float, b: float) -> None:
    inner, outer = estimate.interval(min(a, b)), estimate.interval(max(a, b))
    slack = 1e-12 * (1 + outer[1])
    assert outer[0] - slack <= inner[0] <= estimate.mi + slack
    assert estimate.mi - slack <= inner[1] <= outer[1] + slack


@few
@given(estimates(), levels_in)
def test_a_bit_is_ln_2_nats(estimate: MIEstimate, level: float) -> None:
    nats, bits = estimate.to_dict("nats", level, [level]), estimate.to_dict("bits", level, [level])
    for read in (lambda d: d["mi"], lambda d: d["interval"]["high"], lambda d: d["quantiles"][0]["value"]):
        assert read(bits) * math.log(2) == pytest.approx(read(nats), rel=1e-12)
    assert (nats["unit"], bits["unit"]) == ("nats", "bits")


def test_levels_of_the_grid_give_its_own_values() -> None:
    estimate = make()
    assert [estimate.quantile(level) for level in LEVELS] == pytest.approx(estimate.values)
    assert estimate.mi == 0.4
    assert estimate.interval(0.9) == pytest.approx((0.1, 0.8))


@pytest.mark.parametrize("level", [0, 1, -0.1, 90, math.nan, math.inf, "0.5", None, True])
def test_levels_outside_0_and_1_are_refused(level: Any) -> None:
    for call in (make().quantile, make().interval):
        with pytest.raises(InputError, match="between 0 and 1"):
            call(level)


def test_a_percentage_is_recognised() -> None:
    with pytest.raises(InputError, match=r"did you mean 0\.9"):
        make().interval(90)


def test_the_answer_has_the_shape_of_the_service() -> None:
    answer = make(warnings=("few rows",)).to_dict(level=0.5, quantiles=[0.95, 0.05])
    assert json.loads(json.dumps(answer)) == {
        "mi": 0.4,
        "unit": "nats",
        "interval": {"level": 0.5, "low": pytest.approx(0.3), "high": pytest.approx(0.5)},
        "quantiles": [{"level": 0.95, "value": pytest.approx(0.8)}, {"level": 0.05, "value": pytest.approx(0.1)}],
        "n": 500,
        "dx": 1,
        "dy": 1,
        "warnings": ["few rows"],
        "model": {"name": "m", "version": "1"},
        "strangeness": None,
        "expected_error": None,
    }


def test_an_unknown_unit_is_refused() -> None:
    with pytest.raises(InputError, match="nats, bits"):
        make().to_dict("hartleys")


def test_it_shows_itself() -> None:
    assert repr(make()) == "MIEstimate(mi=0.4 nats, 90% interval [0.1, 0.8], n=500, dx=1, dy=1)"
    assert "warnings=['few rows']" in repr(make(warnings=("few rows",)))


def test_it_cannot_be_changed_and_equals_by_value() -> None:
    estimate = make()
    assert estimate == make()
    assert estimate != make(n=501)
    with pytest.raises(ValueError, match="read-only"):
        estimate.values[0] = 1.0
    with pytest.raises(AttributeError):
        estimate.n = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    "values",
    [[0.1, 0.0, 1, 1, 1, 1, 1], [-0.1, 0, 1, 1, 1, 1, 1], [0, 1, 1, 1, 1, 1, math.nan], [0.0, 1.0], [[0.0] * 7]],
    ids=["crossing", "negative", "nan", "short", "2-d"],
)
def test_what_is_no_quantile_function_is_refused(values: list[float]) -> None:
    with pytest.raises(InputError):
        make(values)


@pytest.fixture
def pairs() -> PairwiseEstimates:
    values = np.outer([0.1, 0.7, 0.4], range(7))  # of a and b, a and c, b and c
    return PairwiseEstimates(("a", "b", "c"), LEVELS, values, 500, {(0, 2): ("ac",)})


def test_all_pairs_as_matrices(pairs: PairwiseEstimates) -> None:
    expected = 3 * np.array([[np.nan, 0.1, 0.7], [0.1, np.nan, 0.4], [0.7, 0.4, np.nan]])
    np.testing.assert_allclose(pairs.mi, expected)
    low, high = pairs.interval(0.9)
    np.testing.assert_allclose(low, expected / 3)
    np.testing.assert_allclose(high, expected / 3 * 5)


@pytest.mark.parametrize(("a", "b"), [("a", "b"), ("b", "a"), ("c", "a"), ("b", "c")])
def test_one_pair_is_found_by_name(pairs: PairwiseEstimates, a: str, b: str) -> None:
    one = pairs.pair(a, b)
    i, j = "abc".index(a), "abc".index(b)
    assert one.mi == pytest.approx(pairs.mi[i, j])
    assert one.warnings == (("ac",) if {a, b} == {"a", "c"} else ())
    with pytest.raises(InputError, match="no column 'z'"):
        pairs.pair(a, "z")
    with pytest.raises(InputError, match="itself"):
        pairs.pair(a, a)
    twice = PairwiseEstimates((a, a, b), LEVELS, pairs.values, 500)
    with pytest.raises(InputError, match=f"several columns are called '{a}'"):
        twice.pair(a, b)


def test_rows_come_strongest_first(pairs: PairwiseEstimates) -> None:
    rows = pairs.to_rows("bits", 0.9)
    assert [(row["a"], row["b"]) for row in rows] == [("a", "c"), ("b", "c"), ("a", "b")]
    assert rows[0]["mi"] * math.log(2) == pytest.approx(2.1)
    assert rows[0]["low"] < rows[0]["mi"] < rows[0]["high"]
    assert rows[0]["warnings"] == ["ac"]


def test_written_files_hold_the_same_numbers(pairs: PairwiseEstimates, tmp_path: Path) -> None:
    pairs.to_csv(tmp_path / "matrix.csv")
    with (tmp_path / "matrix.csv").open() as file:
        header, *lines = csv.reader(file)
    assert header == ["", "a", "b", "c"]
    assert [line[0] for line in lines] == ["a", "b", "c"]
    matrix = np.array([[float(cell) if cell else np.nan for cell in line[1:]] for line in lines])
    np.testing.assert_array_equal(matrix, pairs.mi)

    pairs.to_csv(tmp_path / "rows.csv", unit="bits", level=0.5, layout="rows")
    with (tmp_path / "rows.csv").open() as file:
        found = list(csv.DictReader(file))
    assert list(found[0]) == ["a", "b", "mi_bits", "low_0.5", "high_0.5", "n"]
    assert float(found[0]["low_0.5"]) == pairs.to_rows("bits", 0.5)[0]["low"]

    with pytest.raises(InputError, match="matrix, rows"):
        pairs.to_csv(tmp_path / "x.csv", layout="wide")  # type: ignore[arg-type]


def test_a_single_column_has_no_pairs() -> None:
    with pytest.raises(InputError, match="two columns"):
        PairwiseEstimates(("a",), LEVELS, np.zeros((0, 7)), n=5)
    with pytest.raises(InputError, match="3 pairs"):
        PairwiseEstimates(("a", "b", "c"), LEVELS, np.zeros((2, 7)), n=5)
