"""The library's door: the same sample gets the same answer however it comes, and bad input a clear error.

All of it holds for the estimator of this process and for that of a service alike.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mutualist import InputError, MutualInfoEstimator, RemoteEstimator, WeightsError

Estimator = MutualInfoEstimator | RemoteEstimator


@pytest.fixture(scope="module", params=["local", "remote"])
def estimator(request: pytest.FixtureRequest, untrained: Path) -> Iterator[Estimator]:
    if request.param == "local":
        yield MutualInfoEstimator.from_pretrained(untrained)
    else:
        with RemoteEstimator(request.getfixturevalue("service_url")) as remote:
            yield remote


def pair(n: int, dx: int = 1, dy: int = 1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, dx))
    return x, x[:, :1] + rng.normal(size=(n, dy))


def rounded(*shape: int) -> tuple[np.ndarray, ...]:
    return tuple(np.round(v) for v in pair(*shape))


SAMPLES: dict[str, Any] = {
    "n=4": pair(4),
    "n=40": pair(40),
    "3+2 columns": pair(400, 3, 2),
    "8+8 columns": pair(60, 8, 8),
    "ties": rounded(80, 2, 1),
    "more rows than trained on": pair(1300, 3, 2),
    "such with ties": rounded(1300, 2, 1),
}


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_the_answer_depends_on_the_sample_alone(estimator: Estimator, sample: Any) -> None:
    x, y = sample
    expected = estimator.estimate(x, y)
    rows = np.random.default_rng(1).permutation(len(x))
    others = {
        "again": (x, y),
        "rows": (x[rows], y[rows]),
        "columns": (x[:, ::-1], y[:, ::-1]),
        "swapped": (y, x),
        "units": (1e6 * x + 1e9, np.exp(y)),
        "lists": (x.tolist(), y.tolist()),
    }
    for name, (a, b) in others.items():
        found = estimator.estimate(a, b)
        np.testing.assert_allclose(found.values, expected.values, atol=1e-5, rtol=1e-4, err_msg=name)


def test_falling_maps_change_nothing(estimator: Estimator) -> None:
    x, y = pair(200, 2, 2)
    flipped = estimator.estimate(x * [1, -1], -(y**3))
    np.testing.assert_allclose(flipped.values, estimator.estimate(x, y).values, atol=1e-5, rtol=1e-4)


def test_answers_carry_sizes_model_and_quantiles_in_order(estimator: Estimator) -> None:
    result = estimator.estimate(*pair(50, 3, 2))
    assert (result.n, result.dx, result.dy) == (50, 3, 2)
    assert result.model == {"name": "untrained", "version": "0"}
    assert 0 <= result.quantile(0.05) <= result.mi <= result.quantile(0.95)
    assert result.warnings == ()


def test_a_batch_answers_as_one_by_one(estimator: Estimator) -> None:
    together = estimator.estimate_batch(list(SAMPLES.values()))
    for (x, y), found in zip(SAMPLES.values(), together, strict=True):
        np.testing.assert_allclose(found.values, estimator.estimate(x, y).values, atol=1e-5, rtol=1e-4)
    assert estimator.estimate_batch([]) == []


def test_pairwise_answers_as_one_by_one(estimator: Estimator) -> None:
    rng = np.random.default_rng(0)
    table = {"a": rng.normal(size=60), "b": rng.integers(0, 3, 60), "c": rng.normal(size=60)}
    found = estimator.pairwise(table)
    assert found.names == ("a", "b", "c")
    for first, second in (("a", "b"), ("b", "c"), ("a", "c")):
        alone = estimator.estimate(table[first], table[second])
        np.testing.assert_allclose(found.pair(first, second).values, alone.values, atol=1e-5, rtol=1e-4)


def test_estimates_leave_global_random_state_alone_and_repeat(estimator: Estimator) -> None:
    x, y = (np.round(v) for v in pair(100))
    before = torch.get_rng_state()
    first = estimator.estimate(x, y)
    assert torch.equal(torch.get_rng_state(), before)
    assert first.values.tolist() == estimator.estimate(x, y).values.tolist()


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([1.0, np.nan, 3.0, 4.0, 5.0], "NaN.*omit"),
        ([1.0, np.inf, 3.0, 4.0, 5.0], "infinite.*omit"),
        ([1.0, 2.0, 3.0], "3 rows and y has 5"),
        (["a", "b", "c", "d", "e"], "real numbers"),
        ([1j, 2, 3, 4, 5], "real numbers"),
        ([[1.0], [2.0], [3.0, 4.0], [5.0], [6.0]], "cannot be read as an array"),
        (np.zeros((5, 2, 2)), r"shape \(5, 2, 2\)"),
        (np.zeros((5, 0)), "no columns"),
        (np.float64(3.0), r"shape \(\)"),
        ([None, "x", 3, 4, 5], "not numbers"),
        (np.array(["2024-01-01"] * 5, dtype="datetime64[D]"), "real numbers"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_unusable_input_is_explained(estimator: Estimator, x: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        estimator.estimate(x, [1.0, 2.0, 3.0, 4.0, 5.0])


def test_too_few_rows(estimator: Estimator) -> None:
    for n in (0, 1, 3):
        with pytest.raises(InputError, match=f"{n} rows came, at least 4"):
            estimator.estimate(np.arange(float(n)), np.arange(float(n)))


def test_omitting_missing_values(estimator: Estimator) -> None:
    x, y = (v[:, 0].copy() for v in pair(60))
    x[3], y[7] = np.nan, np.inf
    found = estimator.estimate(x, y, nan_policy="omit")
    keep = np.isfinite(x) & np.isfinite(y)
    assert found.n == 58
    assert found.values.tolist() == estimator.estimate(x[keep], y[keep]).values.tolist()
    assert "left out 2 of 60 rows" in found.warnings[0]
    with pytest.raises(InputError, match="nan_policy is 'drop'"):
        estimator.estimate(x, y, nan_policy="drop")  # type: ignore[arg-type]


def test_outside_the_trained_range_warns_and_still_answers(estimator: Estimator) -> None:
    found = estimator.estimate(*pair(6))
    assert any("n = 6 is outside the range 10 to 500" in warning for warning in found.warnings)
    assert any("dx = 9" in warning for warning in estimator.estimate(*pair(30, 9)).warnings)


def test_more_rows_than_trained_on_are_answered_by_parts(estimator: Estimator) -> None:
    assert not estimator.estimate(*pair(9000)).warnings
    x, y = pair(9000, 3, 2)
    found = estimator.estimate(x, y)
    assert found.n == 9000
    assert not found.warnings
    few = [estimator.estimate(x[i::36], y[i::36]) for i in range(36)]  # 250 rows each, as the parts have
    spread = np.std([one.mi for one in few]) / 6
    assert abs(found.mi - np.mean([one.mi for one in few])) < 4 * spread


def test_very_many_rows_of_a_pair_tell_without_what_was_learned(estimator: Estimator) -> None:
    n = 45_000
    x, y = (column[:, 0] for column in pair(n))
    found = estimator.estimate(x, y)
    assert found.mi == pytest.approx(0.5 * np.log(2), abs=0.03)
    assert found.interval(0.9)[0] < 0.5 * np.log(2) < found.interval(0.9)[1]
    assert found.expected_error is not None
    assert found.expected_error < 0.05
    rows = np.random.default_rng(1).permutation(n)
    a, b = np.round(x, 1), np.round(y)
    tied = estimator.estimate(a, b)
    for one, other in ((y, np.exp(x)), (-x[rows], y[rows])):
        np.testing.assert_allclose(estimator.estimate(one, other).values, found.values, atol=1e-5, rtol=1e-4)
    for one, other in ((b, a), (-a[rows], b[rows])):
        np.testing.assert_allclose(estimator.estimate(one, other).values, tied.values, atol=1e-5, rtol=1e-4)
    table = estimator.pairwise(np.column_stack([x, y, a, b]))
    np.testing.assert_allclose(table.mi[0, 1], found.mi, atol=1e-5)
    np.testing.assert_allclose(table.mi[2, 3], tied.mi, atol=1e-5)


def test_constant_columns_are_named(estimator: Estimator) -> None:
    x, y = pair(50, 2)
    x[:, 1] = 7.0
    assert estimator.estimate(x, y).warnings == ("constant columns carry no information: x[1]",)


def test_codes_of_categories_are_pointed_out_and_nothing_else(estimator: Estimator) -> None:
    rng = np.random.default_rng(0)
    n = 400
    table = {
        "codes": rng.integers(0, 4, n),
        "two": rng.integers(0, 2, n),
        "rounded": rng.normal(size=n).round(1),
        "hurdle": np.where(rng.random(n) < 0.8, 0.0, rng.normal(size=n)),
        "smooth": rng.normal(size=n),
    }
    names = list(table)
    pairwise = estimator.pairwise(table)
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            found = estimator.estimate(np.column_stack([table["smooth"], table[a]]), table[b]).warnings
            assert any("many ties: x[1] takes 4 values in 400 rows" in w for w in found) == (a == "codes")
            assert any("ties" in w for w in found) == (a == "codes")
            # Between single columns it makes no difference how categories are numbered.
            alone = estimator.estimate(table[a], table[b]).warnings
            assert not any("ties" in w for w in (*alone, *pairwise.pair(a, b).warnings))
    both = estimator.estimate(np.column_stack([table["smooth"], table["codes"]]), table["codes"]).warnings
    assert any("x[1] takes 4 values, y[0] takes 4 values" in warning for warning in both)


def test_bad_pairs_and_tables_say_which(estimator: Estimator) -> None:
    x, y = pair(20)
    with pytest.raises(InputError, match="pair 1: x has 19 rows"):
        estimator.estimate_batch([(x, y), (x[:19], y)])
    with pytest.raises(InputError, match="pair 0 is a float"):
        estimator.estimate_batch([3.0])  # type: ignore[list-item]
    with pytest.raises(InputError, match="at least two"):
        estimator.pairwise(x)
    with pytest.raises(InputError, match="unlike lengths"):
        estimator.pairwise({"a": [1, 2, 3, 4], "b": [1, 2, 3]})
    with pytest.raises(InputError, match="3 names came for 2"):
        estimator.pairwise(np.hstack([x, y]), names=["a", "b", "c"])


def test_weights_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such directory"):
        MutualInfoEstimator.from_pretrained(tmp_path / "nowhere")


def test_strangeness_is_a_share_and_is_said_where_it_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    estimator = MutualInfoEstimator.from_pretrained()
    x, y = np.random.default_rng(0).normal(size=(2, 50))
    for limit, expected in ((-1.0, True), (1.0, False)):
        monkeypatch.setattr("mutualist.inputs.STRANGE", limit)
        found = [estimator.estimate(x, y), estimator.estimate_batch([(x, y), (y, x)])[1]]
        found.append(estimator.pairwise(np.column_stack([x, y])).pair("0", "1"))
        assert [any("strange" in text for text in one.warnings) for one in found] == [expected] * 3
    strangeness = [one.strangeness for one in found[:2] if one.strangeness is not None]
    assert len(strangeness) == 2
    assert 0 <= strangeness[0] <= 1
    assert strangeness[0] == pytest.approx(strangeness[1], abs=1e-3)


def test_masked_values_are_missing(estimator: Estimator) -> None:
    x, y = pair(60)
    hidden = np.arange(60) % 4 == 0
    masked = np.ma.MaskedArray(np.where(hidden[:, None], -9999.0, x), hidden[:, None])
    with pytest.raises(InputError, match="15 NaN"):
        estimator.estimate(masked, y)
    found = estimator.estimate(masked, y, nan_policy="omit")
    np.testing.assert_allclose(found.values, estimator.estimate(x[~hidden], y[~hidden]).values)


def test_large_integers_keep_their_order(estimator: Estimator) -> None:
    x, y = np.arange(60)[::-1].copy(), pair(60)[1]
    expected = estimator.estimate(x, y)
    for large in (x + 2**60, (x.astype(np.uint64) + 2**63)[:, None]):
        np.testing.assert_allclose(estimator.estimate(large, y).values, expected.values)


def test_objects_beside_numbers(estimator: Estimator) -> None:
    class NAType:
        """As pandas says that a value is missing."""

    x, y = pair(40)
    values = np.array([*x[:-1, 0], NAType()], dtype=object)
    found = estimator.estimate(values, y, nan_policy="omit")
    np.testing.assert_allclose(found.values, estimator.estimate(x[:-1], y[:-1]).values)
    with pytest.raises(InputError, match="not numbers"):
        estimator.estimate(np.array([10**400] * 40, dtype=object), y)


def test_no_pairs_have_no_estimates(estimator: Estimator) -> None:
    if isinstance(estimator, MutualInfoEstimator):
        assert estimator.estimate_pairs(np.eye(5), np.empty((0, 2), int)) == []
