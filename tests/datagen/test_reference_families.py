"""Labels of the reference families against second methods: Monte Carlo with SciPy's densities, and quadrature."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from scipy.integrate import quad

from mutualist.datagen.dispersion import Dispersion, Ranges, orthogonal
from mutualist.datagen.families.additive_noise import AdditiveNoiseFamily, additive_noise_mi
from mutualist.datagen.families.elliptical import (
    MultivariateNormalFamily,
    MultivariateStudentFamily,
    student_correction,
)
from mutualist.datagen.structures import STRUCTURES
from mutualist.errors import ConfigError

SHAPES = [(1, 1), (2, 2), (1, 3), (4, 2), (7, 7)]


def covariance_of(dispersion: Dispersion) -> NDArray[np.float64]:
    return dispersion.factor @ dispersion.factor.T


def monte_carlo(log_ratio: NDArray[np.float64]) -> tuple[float, float]:
    return float(log_ratio.mean()), float(log_ratio.std() / np.sqrt(len(log_ratio)))


@pytest.mark.parametrize("structure", sorted(STRUCTURES))
@pytest.mark.parametrize(("dx", "dy"), SHAPES)
def test_structure_label_is_that_of_its_covariance(structure: str, dx: int, dy: int) -> None:
    """Against slogdet of the covariance that the factor implies: the structures use closed forms and Cholesky."""
    rng = np.random.default_rng(7)
    for _ in range(5):
        dispersion = STRUCTURES[structure](rng, dx, dy, Ranges())
        sigma = covariance_of(dispersion)
        x, y, both = (np.linalg.slogdet(m)[1] for m in (sigma[:dx, :dx], sigma[dx:, dx:], sigma))
        assert dispersion.normal_mi == pytest.approx(0.5 * (x + y - both), rel=1e-8, abs=1e-10)


def test_lvm_covariance_is_that_of_its_latent_variables() -> None:
    dispersion = STRUCTURES["lvm"](np.random.default_rng(3), 3, 4, Ranges())
    p, dx, dy = dispersion.parameters, 3, 4
    k = p["k"]
    # Columns: U, U_x, U_y, Z_1…k, then V and E of every column.
    loadings = np.zeros((dx + dy, 3 + k))
    loadings[:, 0] = p["alpha"]
    loadings[:dx, 1], loadings[dx:, 2] = p["beta"]
    own = np.ones(dx + dy)
    for i in range(dx):
        if i < k:
            loadings[i, 3 + i] = p["lambda"]
        else:
            own[i] += p["eta"][0] ** 2
    for i in range(dy):
        if i < k:
            loadings[dx + i, 3 + i] = p["lambda"]
        else:
            own[dx + i] += p["eta"][1] ** 2
    np.testing.assert_allclose(covariance_of(dispersion), loadings @ loadings.T + np.diag(own), rtol=1e-12)


@pytest.mark.parametrize("structure", ["dense", "sparse", "2-pair", "lvm", "canonical", "onion", "graph", "chain"])
@pytest.mark.parametrize(("dx", "dy"), [(1, 1), (3, 2)])
def test_normal_label_and_sampler_agree_with_scipy_densities(structure: str, dx: int, dy: int) -> None:
    rng = np.random.default_rng(11)
    family = MultivariateNormalFamily(structure=structure)
    dispersion = STRUCTURES[structure](np.random.default_rng(5), dx, dy, Ranges())
    joint = family.draw(np.random.default_rng(5), dx, dy)
    assert joint.mi == dispersion.normal_mi
    sigma = covariance_of(dispersion)
    x, y = joint.sample(40_000, rng)
    normal = stats.multivariate_normal
    ratio = (
        normal(cov=sigma).logpdf(np.hstack([x, y]))
        - normal(cov=sigma[:dx, :dx]).logpdf(x)
        - normal(cov=sigma[dx:, dx:]).logpdf(y)
    )
    estimate, error = monte_carlo(ratio)
    assert abs(estimate - joint.mi) < 4.5 * error + 1e-5


@pytest.mark.parametrize("structure", ["dense", "lvm", "canonical", "diagonal", "onion"])
@pytest.mark.parametrize(("dx", "dy"), [(1, 1), (2, 3)])
def test_student_label_and_sampler_agree_with_scipy_densities(structure: str, dx: int, dy: int) -> None:
    family = MultivariateStudentFamily(structure=structure, nu=(1.0, 5.0))
    joint = family.draw(np.random.default_rng(9), dx, dy)
    # The family draws ν first, then the dispersion.
    rng = np.random.default_rng(9)
    nu = rng.uniform(1.0, 5.0)
    sigma = covariance_of(STRUCTURES[structure](rng, dx, dy, Ranges()))
    x, y = (np.asarray(side, np.float64) for side in joint.sample(60_000, np.random.default_rng(1)))
    student = stats.multivariate_t
    ratio = (
        student(shape=sigma, df=nu).logpdf(np.hstack([x, y]))
        - np.reshape(student(shape=sigma[:dx, :dx], df=nu).logpdf(x), -1)
        - np.reshape(student(shape=sigma[dx:, dx:], df=nu).logpdf(y), -1)
    )
    estimate, error = monte_carlo(ratio)
    assert joint.parameters["nu"] == nu
    assert abs(estimate - joint.mi) < 4.5 * error + 1e-5


def test_student_is_dependent_without_correlation_and_normal_in_the_limit() -> None:
    uncorrelated = MultivariateStudentFamily(structure="diagonal", nu=(1.0, 1.0)).draw(np.random.default_rng(0), 1, 1)
    # Two uncorrelated Cauchy columns, by quadrature of the copula: ln(8π) − 3.
    assert uncorrelated.mi == pytest.approx(np.log(8 * np.pi) - 3, abs=1e-9)
    assert student_correction(1e6, 2, 3) == pytest.approx(0, abs=1e-5)
    corrections = [student_correction(nu, 2, 3) for nu in (0.7, 1.0, 3.0, 10.0, 30.0)]
    assert corrections == sorted(corrections, reverse=True)


@pytest.mark.parametrize("epsilon", [0.03, 0.1, 0.4, 0.5, 0.7, 2.0])
def test_additive_noise_label_against_quadrature_of_the_entropy_of_y(epsilon: float) -> None:
    low, high = sorted((2 * epsilon, 1.0))

    def density(t: float) -> float:
        """Of Y + ε: a trapezoid, the convolution of U(0, 1) with U(0, 2ε)."""
        return min(t, low, 1 + 2 * epsilon - t) / (low * high)

    edges = [0, low, high, 1 + 2 * epsilon]
    entropy = sum(
        quad(lambda t: -density(t) * np.log(max(density(t), 1e-300)), a, b)[0] for a, b in pairwise(edges) if b > a
    )
    assert additive_noise_mi(epsilon) == pytest.approx(entropy - np.log(2 * epsilon), abs=1e-7)


def test_additive_noise_samples_stay_within_epsilon_and_extra_columns_are_free() -> None:
    joint = AdditiveNoiseFamily(per_column=True).draw(np.random.default_rng(2), 2, 4)
    x, y = joint.sample(20_000, np.random.default_rng(3))
    noise = (y[:, :2] - x) / joint.parameters["epsilon"]
    assert np.abs(noise).max() <= 1 + 1e-5
    assert stats.kstest(noise[:, 0], stats.uniform(-1, 2).cdf).pvalue > 1e-3
    assert np.abs(np.corrcoef(np.hstack([x, y]).T)[2:, :][2:, :2]).max() < 0.03
    assert joint.mi == pytest.approx(sum(additive_noise_mi(e) for e in joint.parameters["epsilon"]))


def test_diagonal_normal_has_mi_exactly_zero() -> None:
    assert MultivariateNormalFamily(structure="diagonal").draw(np.random.default_rng(0), 4, 3).mi == 0.0


def test_random_orthogonal_matrices_are_orthogonal_and_uniform() -> None:
    rng = np.random.default_rng(0)
    matrices = np.array([orthogonal(rng, 3) for _ in range(2000)])
    np.testing.assert_allclose(matrices[0] @ matrices[0].T, np.eye(3), atol=1e-12)
    # An entry of a Haar matrix has mean 0 and variance 1/d.
    assert np.abs(matrices.mean(axis=0)).max() < 0.06
    np.testing.assert_allclose(matrices.var(axis=0), 1 / 3, atol=0.04)


@pytest.mark.parametrize(
    ("family", "options", "word"),
    [
        (MultivariateNormalFamily, {"structure": "desne"}, "dense"),
        (MultivariateNormalFamily, {"ranges": {"gamma": (0, 1)}}, "off_diagonal"),
        (MultivariateStudentFamily, {"nu": (0.0, 1.0)}, "nu"),
        (AdditiveNoiseFamily, {"epsilon": (0.0, 1.0)}, "epsilon"),
    ],
)
def test_impossible_options_say_what_is_possible(family: type, options: dict[str, object], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        family(**options)
