"""Scores against their definitions, on answers made up for the purpose."""

import numpy as np
import pytest

from mutualist.bench.data import Suite
from mutualist.bench.methods import LEVELS, OURS
from mutualist.bench.run import Answers, selection
from mutualist.bench.scores import accuracy, groups, intervals, losses, report


def answers(truth: np.ndarray, quantiles: dict[str, np.ndarray], intervals: tuple[str, ...] = (OURS,)) -> Answers:
    r = len(truth)
    one = np.ones(r, np.int64)
    return Answers(
        "test",
        np.arange(r),
        truth,
        np.linspace(10, 2000, r).astype(np.int64),
        one,
        one,
        np.array([f"f{i % 3}" for i in range(r)]),
        quantiles,
        {name: np.full(r, 0.002) for name in quantiles},
        intervals,
    )


def points(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[:, None], len(LEVELS), 1)


def test_accuracy_is_what_it_says() -> None:
    truth = np.array([0.0, 1.0, 2.0, 3.0])
    theirs = points(truth + np.array([0.5, -0.5, 1.0, 9.0]))
    theirs[3] = np.nan
    ours = points(truth) + np.array([-0.2, -0.1, 0, 0.1, 0.2])
    given = answers(truth, {OURS: ours, "ksg": theirs})
    row = accuracy(given, "ksg", np.ones(4, bool))
    assert row["records"] == 3
    assert row["mse"] == pytest.approx((0.25 + 0.25 + 1) / 3)
    assert row["mae"] == pytest.approx(2 / 3)
    assert row["bias"] == pytest.approx(1 / 3)
    assert row["pinball"] == pytest.approx(row["mae"] / 2)  # a point, at levels whose mean is 1/2
    assert row["ms"] == pytest.approx(2)
    assert (row["ours_mae"], row["ours_mse"]) == (0, 0)
    expected = np.mean([max(t * (0 - q), (t - 1) * (0 - q)) for t, q in zip(LEVELS, ours[0], strict=True)])
    assert accuracy(given, OURS, np.array([True, False, False, False]))["pinball"] == pytest.approx(expected)


def test_the_interval_score_charges_width_and_misses() -> None:
    truth = np.array([0.0, 0.0, 1.0, 1.0])
    values = np.array([[0, 0, 0.1, 0.1, 0.2], [0.5, 0.5, 0.6, 0.7, 0.7], [0.9, 1, 1, 1, 1.1], [0, 0, 0, 0, 0.8]])
    found = intervals(answers(truth, {OURS: values}), np.ones(4, bool), [OURS])[OURS]
    assert found["cover"] == 0.5
    assert found["width"] == pytest.approx((0.2 + 0.2 + 0.2 + 0.8) / 4)
    assert found["score"] == pytest.approx(found["width"] + 20 * (0.5 + 0.2) / 4)
    assert found["false_alarms"] == 0.5


def test_intervals_are_compared_on_common_records() -> None:
    truth = np.ones(6)
    some = points(truth)
    some[:4] = np.nan
    both = (OURS, "b")
    found = intervals(answers(truth, {OURS: points(truth), "b": some}, both), np.ones(6, bool), both)
    assert {name: row["records"] for name, row in found.items()} == {OURS: 2, "b": 2}
    nothing = np.full((6, 5), np.nan)
    assert intervals(answers(truth, {OURS: points(truth), "b": nothing}, both), np.ones(6, bool), both) == {}


def test_every_record_lies_in_one_band_of_each_kind() -> None:
    truth = np.concatenate([[0.0, 0.0, 30.0], np.random.default_rng(0).exponential(size=57)])
    for masks in groups(answers(truth, {OURS: points(truth)})).values():
        assert np.sum(list(masks.values()), axis=0).tolist() == [1] * 60


def test_losses_are_found_where_they_are_and_only_there() -> None:
    rng = np.random.default_rng(0)
    truth = rng.exponential(size=300)
    ours, theirs = truth + 0.1 * rng.normal(size=300), truth + 0.1 * rng.normal(size=300)
    family = np.array([f"f{i % 3}" for i in range(300)])
    ours[family == "f1"] += 0.5
    found = losses(answers(truth, {OURS: points(ours), "ksg": points(theirs)}))
    assert found[0] | {"mae": 0, "ours_mae": 0} == {
        "by": "family",
        "group": "f1",
        "method": "ksg",
        "records": 100,
        "mae": 0,
        "ours_mae": 0,
    }
    assert found[0]["ours_mae"] > found[0]["mae"]
    assert not any(row["group"] in ("f0", "f2") for row in found)
    assert losses(answers(truth, {"ksg": points(theirs)})) == []
    assert losses(answers(truth[:9], {OURS: points(ours[:9]), "ksg": points(theirs[:9])})) == []


def test_a_report_covers_all_records() -> None:
    truth = np.linspace(0, 3, 50)
    found = report(answers(truth, {OURS: points(truth + 0.1), "ksg": np.full((50, 5), np.nan)}))
    assert found["records"] == 50
    assert found["methods"]["ksg"] == {"records": 0}
    for bands in found["by"].values():
        assert sum(rows[OURS]["records"] for rows in bands.values()) == 50
        assert not any("ksg" in rows for rows in bands.values())
    for bands in found["ours"].values():
        assert sum(row["records"] for row in bands.values()) == 50
        assert [row["mae"] for row in bands.values()] == pytest.approx([0.1] * len(bands))


def test_bands_compare_methods_on_the_same_records() -> None:
    """`copula` declines the first ten, which are hard for us; `sklearn` answers the rest of family f1 alone."""
    truth = np.linspace(0, 3, 60)
    ours, copula, sklearn = (points(truth + shift) for shift in (0.1, 0.2, 0.0))
    ours[:10] += 5
    copula[:10] = np.nan
    sklearn[:10] = np.nan
    sklearn[np.arange(60) % 3 != 1] = np.nan
    found = report(answers(truth, {OURS: ours, "copula": copula, "sklearn": sklearn}))
    families = found["by"]["family"]
    assert [list(families[f]) for f in ("f0", "f1", "f2")] == [
        [OURS, "copula"],
        [OURS, "copula", "sklearn"],
        [OURS, "copula"],
    ]
    assert {row["records"] for row in families["f1"].values()} == {17}
    assert families["f1"][OURS]["mae"] == pytest.approx(0.1)
    assert found["ours"]["family"]["f1"]["records"] == 20
    assert found["ours"]["family"]["f1"]["mae"] == pytest.approx(0.1 + 5 * 3 / 20)


def test_a_draw_is_repeatable_and_the_subset_lies_in_it() -> None:
    chosen, few = selection(1000, 100, 10, 3)
    again, _ = selection(1000, 100, 10, 3)
    other, _ = selection(1000, 100, 10, 4)
    assert chosen.tolist() == again.tolist() != other.tolist()
    assert (len(chosen), int(few.sum())) == (100, 10)
    assert bool((np.diff(chosen) > 0).all())
    larger, more = selection(1000, 100, 20, 3)
    assert larger.tolist() == chosen.tolist()
    assert bool((more | ~few).all())
    everything, _ = selection(7, None, 0, 0)
    assert everything.tolist() == list(range(7))
    assert len(Suite("a", (), (3, 4))) == 7
