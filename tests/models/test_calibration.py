"""Calibration: what it may never do, and that it mends a network that is wrong on purpose."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr, ndtri

from mutualist.errors import ConfigError
from mutualist.models.calibration import Calibration, grid_weights, soft_floor
from mutualist.models.config import LEVELS
from mutualist.models.quantiles import interpolate
from mutualist.training import conformal
from mutualist.training.predict import Answers

GRID = np.array(LEVELS)


def wrong_network(seed: int, records: int = 6000, spread: float = 0.6, bias: float = 0.3) -> Answers:
    """Posterior quantiles read at the wrong levels: at probits `spread` times the right ones, plus `bias`.

    Where columns are tied, it is the square root of `spread`. The truth is 0 with probability 0.15 and uniform on
    [0, 4] otherwise; it is seen with normal noise.
    """
    rng = np.random.default_rng(seed)
    n = np.exp(rng.uniform(np.log(10), np.log(3000), records)).astype(int)
    dx, dy = rng.integers(1, 17, (2, records))
    truth = np.where(rng.random(records) < 0.15, 0.0, rng.uniform(0, 4, records))
    sigma = 0.5 * np.sqrt((dx + dy) / n)
    seen = truth + sigma * rng.standard_normal(records)
    from_zero, from_four = ndtr(-seen / sigma), ndtr((4 - seen) / sigma)
    atom = 0.15 * np.exp(-0.5 * (seen / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))
    zero = (atom / (atom + 0.85 / 4 * (from_four - from_zero)))[:, None]
    tied = rng.choice([0.0, 1.0], records, p=[0.8, 0.2])
    at = ndtr(np.where(tied, np.sqrt(spread), spread)[:, None] * ndtri(GRID) + bias)
    above = np.clip((at - zero) / (1 - zero), 1e-12, 1 - 1e-12)
    levels = from_zero[:, None] + above * (from_four - from_zero)[:, None]
    quantiles = np.maximum.accumulate(np.where(at < zero, 0, seen[:, None] + sigma[:, None] * ndtri(levels)), axis=1)
    quantiles = np.maximum(quantiles, 0) + 1e-3 * at  # a network's quantiles increase strictly
    family = np.where(truth == 0, "independent", "other")
    return Answers(GRID, quantiles, truth, n, dx, dy, tied, family, np.zeros((len(n), 1), np.float32))


def covered(answers: Answers, calibration: Calibration, level: float) -> np.ndarray:
    values = calibration.apply(answers.quantiles, answers.n, answers.dx, answers.dy, answers.tied)
    low, high = interpolate(GRID, values, [(1 - level) / 2, (1 + level) / 2]).T
    return (low <= answers.truth) & (answers.truth <= high)


@pytest.fixture(scope="module")
def fitted() -> Calibration:
    return conformal.fit(wrong_network(0), np.random.default_rng(0))


@pytest.fixture(scope="module")
def fresh() -> Answers:
    return wrong_network(1)


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95])
def test_mends_coverage_on_fresh_records(fitted, fresh, level):
    some = fresh.where(fresh.truth > 0)
    assert covered(some, Calibration.identity(GRID), level).mean() < level - 0.1
    assert covered(some, fitted, level).mean() == pytest.approx(level, abs=0.02)


def test_mends_coverage_in_every_band(fitted, fresh):
    hit = covered(fresh, fitted, 0.9)
    d = fresh.dx + fresh.dy
    median = fresh.quantiles[:, LEVELS.index(0.5)]
    for values, edges in ((fresh.n, (10, 50, 200, 800, 3001)), (d, (2, 9, 17, 25, 33)), (median, (0, 0.1, 0.5, 2, 99))):
        for low, high in pairwise(edges):
            band = (values >= low) & (values < high)
            assert hit[band].mean() == pytest.approx(0.9, abs=0.06), (low, high)
    for tied in (0, 1):
        assert hit[fresh.tied == tied].mean() == pytest.approx(0.9, abs=0.02)


def test_independent_records_are_covered_and_rarely_raise_an_alarm(fitted, fresh):
    independent = fresh.where(fresh.truth == 0)
    assert covered(independent, fitted, 0.9).mean() >= 0.9
    values = fitted.apply(independent.quantiles, independent.n, independent.dx, independent.dy, independent.tied)
    alarms = (interpolate(GRID, values, 0.05) > 0.01).mean()
    assert alarms <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / len(independent))


def test_records_that_are_shuffled_set_the_floors_where_none_is_independent():
    def independent(seed):
        """A network that sees something where nothing is."""
        found = wrong_network(seed, records=12_000)
        return replace(found.where(found.truth == 0), quantiles=found.quantiles[found.truth == 0] + 0.1)

    some, fresh = wrong_network(0), independent(7)
    some = some.where(some.truth > 0)
    alarms = []
    for shuffled in (None, independent(6)):
        fitted = conformal.fit(some, np.random.default_rng(0), shuffled)
        values = fitted.apply(fresh.quantiles, fresh.n, fresh.dx, fresh.dy, fresh.tied)
        alarms.append((interpolate(GRID, values, 0.05) > 0.01).mean())
    assert alarms[0] > 0.08
    assert alarms[1] <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / len(fresh))


def test_rare_families_count_for_more_than_their_share():
    """Of two families that the network cannot tell apart, the rare one must be covered nearly as often."""
    common, rare = (
        wrong_network(4, records=9000, spread=1.0, bias=0.0),
        wrong_network(5, records=600, spread=0.6, bias=0),
    )
    common, rare = (answers.where(answers.truth > 0.5) for answers in (common, rare))
    both = {key: np.concatenate([getattr(common, key), getattr(rare, key)]) for key in vars(common) if key != "levels"}
    names = np.repeat(["common", "rare"], [len(common), len(rare)])
    told, untold = (Answers(GRID, **(both | {"family": family})) for family in (names, np.full(len(names), "one")))
    holds = [covered(rare, conformal.fit(answers, np.random.default_rng(0)), 0.9).mean() for answers in (untold, told)]
    assert holds[1] > holds[0] + 0.03
    assert covered(common, conformal.fit(told, np.random.default_rng(0)), 0.9).mean() < 0.97


def test_an_honest_network_is_left_nearly_as_it_is():
    honest = wrong_network(2, spread=1.0, bias=0.0)
    honest = honest.where(honest.truth > 1)  # far from the atom, where the posterior above is the right one
    calibration = conformal.fit(honest, np.random.default_rng(0))
    change = covered(honest, calibration, 0.9).mean() - covered(honest, Calibration.identity(GRID), 0.9).mean()
    assert abs(change) < 0.03


def test_the_median_stays_as_the_network_gave_it(fitted, fresh):
    middle = LEVELS.index(0.5)
    values = fitted.apply(fresh.quantiles, fresh.n, fresh.dx, fresh.dy, fresh.tied)
    np.testing.assert_allclose(values[:, middle], fresh.quantiles[:, middle], rtol=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 10**6), st.integers(1, 200), st.integers(1, 200))
def test_never_crosses_and_never_is_negative(fitted, seed, n, dx, dy):
    rng = np.random.default_rng(seed)
    quantiles = np.cumsum(rng.exponential(rng.choice([1e-3, 0.1, 3.0]), (5, len(GRID))), axis=1)
    values = fitted.apply(quantiles, n, dx, dy, 0.5)
    assert (np.diff(values, axis=1) >= 0).all()
    assert (values >= 0).all()


def test_does_not_jump_between_cells(fitted):
    quantiles = np.tile(np.linspace(0.2, 0.9, len(GRID)), (400, 1))
    n = np.geomspace(10, 3000, 400)
    steps = np.diff(fitted.apply(quantiles, n, 3, 4, 0.0), axis=0)
    assert np.abs(steps).max() < 0.05


def test_survives_json_and_stays_small(fitted, fresh):
    text = json.dumps(fitted.to_dict())
    assert len(text) < 200_000
    again = Calibration.from_dict(json.loads(text))
    arguments = (fresh.quantiles, fresh.n, fresh.dx, fresh.dy, fresh.tied)
    np.testing.assert_allclose(again.apply(*arguments), fitted.apply(*arguments), atol=2e-3)
    twice = Calibration.from_dict(again.to_dict())
    np.testing.assert_array_equal(twice.apply(*arguments), again.apply(*arguments))


def test_one_by_one_is_as_together(fitted, fresh):
    together = fitted.apply(fresh.quantiles[:20], fresh.n[:20], fresh.dx[:20], fresh.dy[:20], fresh.tied[:20])
    for i in range(20):
        one = fitted.apply(fresh.quantiles[i : i + 1], fresh.n[i], fresh.dx[i], fresh.dy[i], fresh.tied[i])
        np.testing.assert_allclose(one[0], together[i], rtol=1e-12, atol=1e-15)


def test_the_identity_changes_nothing(fresh):
    values = Calibration.identity(GRID).apply(fresh.quantiles, fresh.n, fresh.dx, fresh.dy, fresh.tied)
    np.testing.assert_allclose(values, fresh.quantiles, rtol=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"floors": [[0.0]]}, "floors must be finite and of shape"),
        ({"probits": [["a"]]}, "not arrays of numbers"),
        ({"more": 1}, "exactly the keys"),
    ],
)
def test_a_damaged_description_is_refused(change, message):
    values = Calibration.identity(GRID).to_dict() | change
    with pytest.raises(ConfigError, match=message):
        Calibration.from_dict(values)


def test_values_that_are_not_finite_or_decrease_are_refused():
    values = Calibration.identity(GRID).to_dict()
    values["probits"][0][0][0][0][3] = float("nan")
    with pytest.raises(ConfigError, match="must be finite"):
        Calibration.from_dict(values)
    values["probits"][0][0][0][0][3] = 9.0
    with pytest.raises(ConfigError, match="must not decrease"):
        Calibration.from_dict(values)


def test_grid_weights_sum_to_one_and_reproduce_a_line():
    knots = np.array([0.0, 1.0, 4.0])
    at = np.array([-1.0, 0.0, 0.5, 1.0, 3.0, 4.0, 9.0])
    weights = grid_weights(knots, at)
    np.testing.assert_allclose(weights.sum(1), 1)
    np.testing.assert_allclose(weights @ knots, np.clip(at, 0, 4))


def test_soft_floor_is_continuous_and_does_not_decrease():
    values = np.linspace(0, 1, 2001)
    answer = soft_floor(values, 0.2)
    assert (answer[values <= 0.2] == 0).all()
    np.testing.assert_allclose(answer[values >= 0.4], values[values >= 0.4])
    steps = np.diff(answer)
    assert (steps >= 0).all()
    assert steps.max() < 0.0011


def test_a_network_that_has_learned_nothing_gets_wide_intervals_that_cover():
    def collapsed(seed):
        given = wrong_network(seed)
        return Answers(GRID, np.full_like(given.quantiles, 0.05) + 1e-4 * GRID, *(
            getattr(given, name) for name in ("truth", "n", "dx", "dy", "tied", "family", "summaries")
        ))  # fmt: skip

    calibration = conformal.fit(collapsed(0), np.random.default_rng(0))
    assert calibration.shifts.max() > 1
    fresh = collapsed(1)
    assert covered(fresh, Calibration.identity(GRID), 0.9).mean() < 0.1
    assert 0.85 < covered(fresh, calibration, 0.9).mean() < 0.97
    values = calibration.apply(fresh.quantiles, fresh.n, fresh.dx, fresh.dy, fresh.tied)
    assert (np.diff(values, axis=1) >= 0).all()
    assert values.max() < 8  # the truth is at most 4: no interval explodes


def test_a_network_that_is_nearly_right_is_not_shifted():
    calibration = conformal.fit(wrong_network(4, spread=0.95, bias=0.1), np.random.default_rng(0))
    assert (calibration.shifts[..., 1:-1] == 0).all()  # one record in 200 may still lie far out
    assert np.abs(calibration.shifts).max() < 0.5
