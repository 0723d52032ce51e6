"""Copulas: labels against quadrature in the plane, sampling against densities and a nearest-neighbour estimate."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import gammaln, ndtr

from mutualist.datagen.families.archimedean import ARCHIMEDEAN, clayton_uniforms
from mutualist.datagen.families.copulas import (
    KINDS,
    ClaytonBlock,
    Copula,
    clayton_information,
    student_excess,
)
from mutualist.datagen.families.lifted import LiftedCopula
from mutualist.errors import ConfigError

NODES, WEIGHTS = np.polynomial.legendre.leggauss(300)


def plane_information(kind: str, theta: float) -> tuple[float, float]:
    """Integrals of c ln c and of c by Gauss-Legendre in normal scores on [-8, 8]."""
    z = 8 * NODES
    w = 8 * WEIGHTS * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
    u = np.clip(ndtr(z), 1e-15, 1 - 1e-15)
    log_c = ARCHIMEDEAN[kind].log_density(theta, u[:, None], u[None, :])
    c = np.exp(log_c)
    return float(w @ (c * log_c) @ w), float(w @ c @ w)


@pytest.mark.parametrize(
    ("kind", "theta", "expected"),
    [("clayton", 3.0, 0.6363), ("gumbel", 2.5, 0.5620), ("joe", 3.0, 0.4767), ("frank", 5.0, 0.2580)],
)
def test_information_has_the_published_values(kind, theta, expected):
    assert ARCHIMEDEAN[kind].information(theta) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("kind", ARCHIMEDEAN)
@pytest.mark.parametrize("target", [0.003, 0.1, 1.0])
def test_information_is_the_integral_of_c_ln_c(kind, target):
    copula = ARCHIMEDEAN[kind]
    theta = copula.theta_for(target)
    information, mass = plane_information(kind, theta)
    assert mass == pytest.approx(1.0, abs=1e-4)
    assert copula.information(theta) == pytest.approx(information, rel=1e-3)
    assert copula.information(theta) == pytest.approx(target, rel=2e-3)


@pytest.mark.parametrize("kind", ARCHIMEDEAN)
@pytest.mark.parametrize("target", [0.02, 0.6, 2.5])
def test_samples_follow_the_density(kind, target):
    copula = ARCHIMEDEAN[kind]
    theta = copula.theta_for(target)
    u, v = copula.sample(theta, 20_000, np.random.default_rng(1))
    for column in (u, v):
        assert stats.kstest(column, "uniform", method="asymp").pvalue > 1e-3
    log_c = copula.log_density(theta, *np.clip((u, v), 1e-15, 1 - 1e-15))
    assert log_c.mean() == pytest.approx(copula.information(theta), abs=5 * log_c.std() / np.sqrt(len(u)))


@pytest.mark.parametrize("kind", ARCHIMEDEAN)
def test_information_vanishes_at_independence_and_grows(kind):
    copula = ARCHIMEDEAN[kind]
    excess = np.geomspace(1e-3, copula.strongest - copula.independent, 30)
    values = np.array([copula.information(copula.independent + e) for e in excess])
    assert 0 <= values[0] < 1e-5
    assert (np.diff(values) > 0).all()
    assert values[-1] > 3.4


def test_student_excess_is_that_of_the_density():
    nu, rho, n = 2.5, 0.6, 40_000
    z = stats.multivariate_t([0, 0], [[1, rho], [rho, 1]], df=nu, seed=3)
    xy = z.rvs(n)
    ratio = z.logpdf(xy) - stats.t(nu).logpdf(xy).sum(axis=1)
    expected = student_excess(nu) - 0.5 * np.log(1 - rho**2)
    assert expected == pytest.approx(ratio.mean(), abs=5 * ratio.std() / np.sqrt(n))


@pytest.mark.parametrize("kind", KINDS)
def test_labels_agree_with_nearest_neighbours(kind, ksg):
    for seed in range(2):
        rng = np.random.default_rng(seed)
        drawn = Copula(kinds=(kind,), mi=(0.2, 1.5)).draw(rng, 1, 1)
        assert drawn.mi_stderr == 0
        assert ksg(*drawn.sample(5000, rng)) == pytest.approx(drawn.mi, abs=0.06)


def test_rotation_moves_the_tail():
    corners = set()
    for seed in range(30):
        rng = np.random.default_rng(seed)
        x, y = Copula(kinds=("clayton",), mi=(1.0, 1.2), margins=("uniform",)).draw(rng, 1, 1).sample(2000, rng)
        near = {(a, b): np.mean((abs(x - a) < 0.1) & (abs(y - b) < 0.1)) for a in (0, 1) for b in (0, 1)}
        corners.add(max(near, key=lambda corner: near[corner]))
    assert corners == {(0, 0), (0, 1), (1, 0), (1, 1)}


def clayton_log_density(u: np.ndarray, theta: float) -> np.ndarray:
    d = u.shape[1]
    start = gammaln(d + 1 / theta) - gammaln(1 / theta) + d * np.log(theta)
    base = (u**-theta).sum(axis=1) - d + 1
    return start - (theta + 1) * np.log(u).sum(axis=1) - (d + 1 / theta) * np.log(base)


@pytest.mark.parametrize(("dx", "dy", "theta"), [(1, 1, 3.0), (2, 3, 1.2), (4, 1, 0.3)])
def test_clayton_block_information(dx, dy, theta):
    u = clayton_uniforms(theta, (40_000, dx + dy), np.random.default_rng(5))
    ratio = clayton_log_density(u, theta)
    for part in (u[:, :dx], u[:, dx:]):
        if part.shape[1] > 1:
            ratio -= clayton_log_density(part, theta)
    expected = float(clayton_information(theta, dx, dy))
    assert expected == pytest.approx(ratio.mean(), abs=5 * ratio.std() / np.sqrt(len(u)))


def test_clayton_block_of_one_and_one_is_the_copula():
    assert float(clayton_information(3.0, 1, 1)) == pytest.approx(ARCHIMEDEAN["clayton"].information(3.0), abs=1e-12)
    assert float(clayton_information(1e-3, 5, 7)) < 1e-4
    rng = np.random.default_rng(2)
    x, y = ClaytonBlock().draw(rng, 3, 2).sample(50, rng)
    assert x.shape == (50, 3)
    assert y.shape == (50, 2)


@pytest.mark.parametrize(("dx", "dy"), [(1, 2), (2, 2)])
def test_lifted_copulas_keep_the_label(dx, dy, ksg):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        drawn = LiftedCopula(mi=(0.2, 0.8)).draw(rng, dx, dy)
        # lifts fold the plane, which costs the estimate some accuracy, always downwards
        estimate = ksg(*drawn.sample(5000, rng))
        assert -0.2 < estimate - drawn.mi < 0.06


def test_options_are_checked():
    with pytest.raises(ConfigError, match="plackett"):
        Copula(kinds=("plackett",))
    with pytest.raises(ConfigError, match="low <= high"):
        LiftedCopula(mi=(1.0, 0.1))
