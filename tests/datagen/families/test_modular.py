"""Fractions, bits and cells: labels against sums by hand, counts of large samples, and nearest neighbours."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mutualist.datagen.families.modular import (
    Parity,
    Torus,
    ball_information,
    bit_information,
    random_mixing,
    wrapped_normal_information,
)
from mutualist.datagen.families.patchwork import PATTERNS, Patchwork, table_information


@pytest.mark.parametrize("sigma", [0.01, 0.079, 0.081, 0.2, 0.5, 0.9])
def test_wrapped_normal_information(sigma):
    x = (np.arange(4000) + 0.5) / 4000
    p = sum(stats.norm.pdf(x + k, 0, sigma) for k in range(-8, 9))
    assert wrapped_normal_information(sigma) == pytest.approx(np.mean(p * np.log(np.maximum(p, 1e-300))), abs=1e-7)


def test_ball_information_is_that_of_the_volume():
    assert ball_information(0.3, 1) == pytest.approx(-np.log(0.6))
    assert ball_information(0.3, 2) == pytest.approx(-np.log(np.pi * 0.09))
    assert ball_information(0.3, 3) == pytest.approx(-np.log(4 / 3 * np.pi * 0.027))


@pytest.mark.parametrize("noise", ["normal", "uniform", "ball"])
def test_torus_in_the_plane(noise, ksg):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        drawn = Torus(noises=(noise,), mi=(0.3, 1.2)).draw(rng, 1, 1)
        x, y = drawn.sample(8000, rng)
        assert stats.kstest(y[:, 0], "uniform", method="asymp").pvalue > 1e-3
        assert ksg(x, y, by_rank=False) == pytest.approx(drawn.mi, abs=0.12)


@pytest.mark.parametrize("noise", ["normal", "uniform", "ball"])
def test_torus_noise_can_be_read_back(noise):
    """Undoing the mixing of Y and subtracting the sums of X leaves noise of exactly the law the label is made of."""
    rng = np.random.default_rng(3)
    drawn = Torus(noises=(noise,), mi=(1.5, 2.0), most=2).draw(rng, 3, 4)
    x, y = drawn.sample(4000, rng)
    sums, mixing = np.array(drawn.parameters["sums"]), np.array(drawn.parameters["mixing"])
    size, c = np.array(drawn.parameters["size"]), sums.shape[1]
    assert np.linalg.matrix_rank(sums) == c
    t = (y @ np.round(np.linalg.inv(mixing))) % 1.0
    r = (t[:, :c] - x @ sums + 0.5) % 1.0 - 0.5
    if noise == "normal":
        assert r.std(axis=0) == pytest.approx(size, rel=0.05)
        expected = sum(wrapped_normal_information(float(s)) for s in size)
    elif noise == "uniform":
        assert np.ptp(r, axis=0) == pytest.approx(size, rel=0.01)
        expected = -np.log(size).sum()
    else:
        radius = np.linalg.norm(r, axis=1)
        assert stats.kstest((radius / size) ** c, "uniform", method="asymp").pvalue > 1e-3
        expected = ball_information(float(size[0]), c)
    assert drawn.mi == pytest.approx(expected)
    for column in t[:, c:].T:
        assert stats.kstest(column, "uniform", method="asymp").pvalue > 1e-3


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 20), st.integers(0, 1000))
def test_mixing_is_invertible_over_the_integers(d, seed):
    mixing = random_mixing(d, np.random.default_rng(seed))
    inverse = np.linalg.inv(mixing)
    assert abs(np.linalg.det(mixing)) == pytest.approx(1.0, abs=1e-6)
    assert np.abs(inverse - np.round(inverse)).max() < 1e-6


def counted_information(x: np.ndarray, y: np.ndarray) -> float:
    """MI of the observed joint frequencies of integer codes."""
    table = np.zeros((x.max() + 1, y.max() + 1))
    np.add.at(table, (x, y), 1.0)
    return table_information(table / table.sum())


@pytest.mark.parametrize(("dx", "dy"), [(1, 1), (2, 1), (3, 2), (4, 4)])
def test_parity_by_counting_signs(dx, dy):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        drawn = Parity(mi=(0.1, 1.2)).draw(rng, dx, dy)
        x, y = drawn.sample(40_000, rng)
        codes = [((z > 0) @ (1 << np.arange(z.shape[1]))) for z in (x, y)]
        bias = (2**dx - 1) * (2**dy - 1) / 80_000
        assert counted_information(*codes) == pytest.approx(drawn.mi + bias, abs=0.015)
        # magnitudes carry nothing
        assert np.abs(np.corrcoef(np.abs(np.concatenate([x, y], axis=1)).T) - np.eye(dx + dy)).max() < 0.03


def test_parity_of_two_shows_in_no_pair():
    rng = np.random.default_rng(0)
    draws = (Parity(mi=(0.5, 0.6)).draw(rng, 2, 1) for _ in range(50))
    drawn = next(d for d in draws if np.sum(d.parameters["p"], axis=0)[0] == 2)
    x, y = (z > 0 for z in drawn.sample(40_000, rng))
    for column in x.T:
        assert counted_information(column.astype(int), y[:, 0].astype(int)) < 1e-3


def test_bits_that_are_flipped_half_the_time_tell_nothing():
    assert bit_information(np.array([0.5, 0.5])) == pytest.approx(0.0, abs=1e-12)
    assert bit_information(np.array([0.0])) == pytest.approx(np.log(2))


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patchwork_by_counting_cells(pattern, ksg):
    for seed in range(2):
        rng = np.random.default_rng(seed)
        drawn = Patchwork(patterns=(pattern,), most_cells=6).draw(rng, 1, 1)
        x, y = drawn.sample(40_000, rng)
        edges = [np.array(e) for e in drawn.parameters["edges"]]
        codes = [np.searchsorted(e, z[:, 0], side="right") - 1 for e, z in zip(edges, (x, y), strict=True)]
        bias = (len(edges[0]) - 2) * (len(edges[1]) - 2) / 80_000
        assert counted_information(*codes) == pytest.approx(drawn.mi + bias, abs=0.015)
        assert ksg(x[:8000], y[:8000], by_rank=False) == pytest.approx(drawn.mi, abs=0.1)


def test_table_information_of_a_permutation_and_of_a_product():
    assert table_information(np.eye(4) / 4) == pytest.approx(np.log(4))
    product = np.multiply.outer([0.2, 0.8], [0.5, 0.3, 0.2])
    assert table_information(product) == pytest.approx(0.0, abs=1e-12)
