"""Monte Carlo families: labels against quadrature in the plane, and the promise about their standard errors."""

import numpy as np
import pytest
from scipy import stats

from mutualist.datagen.families.archimedean import ARCHIMEDEAN
from mutualist.datagen.families.contaminated import Contaminated, contaminated_information
from mutualist.datagen.families.curves import CurveFamily, curve_information
from mutualist.datagen.families.mixtures import (
    STRUCTURES,
    Mixture,
    MixtureFamily,
    corner_components,
    embed,
    mixture_information,
    random_components,
)
from mutualist.datagen.families.montecarlo import (
    allowed_stderr,
    log_sum_exp,
    monte_carlo_information,
    regress_controls,
)


def grid_information(mixture: Mixture, points: int = 300) -> float:
    """MI of a mixture of normals in the plane by the trapezoidal rule, with densities from scipy."""
    axes, weights = [], mixture.weights
    for j in (0, 1):
        sd = np.sqrt(mixture.covariances[:, j, j])
        axes.append(np.linspace((mixture.means[:, j] - 7 * sd).min(), (mixture.means[:, j] + 7 * sd).max(), points))
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    components = zip(weights, mixture.means, mixture.covariances, strict=True)
    p = sum(w * stats.multivariate_normal(m, c).pdf(grid) for w, m, c in components)
    p /= p.sum()
    product = np.multiply.outer(p.sum(axis=1), p.sum(axis=0))
    inside = p > 1e-290
    return float(np.sum(p[inside] * np.log(p[inside] / product[inside])))


@pytest.mark.parametrize("structure", [*STRUCTURES, "random", "corners"])
def test_mixture_label_against_the_grid(structure):
    rng = np.random.default_rng(2)
    if structure == "random":
        components = random_components(rng, 2)
    elif structure == "corners":
        components = corner_components(rng, 2)
    else:
        components = STRUCTURES[structure](rng)
    mixture = Mixture(*components)
    mi, stderr = mixture_information(mixture, 1, rng)
    assert stderr <= allowed_stderr(mi)
    assert mi == pytest.approx(grid_information(mixture), abs=4 * stderr + 1e-4)


@pytest.mark.parametrize("structure", ["cross", "checkerboard", "clusters"])
def test_labels_are_unbiased_and_their_errors_honest(structure):
    """The mean of many labels, and their scatter beside the stored error: stopping rule and controls do no harm."""
    mixture = Mixture(*STRUCTURES[structure](np.random.default_rng(5)))
    exact = grid_information(mixture)
    labels = np.array([mixture_information(mixture, 1, np.random.default_rng(seed)) for seed in range(40)])
    scaled = (labels[:, 0] - exact) / labels[:, 1]
    assert abs(scaled.mean()) < 4 / np.sqrt(40)
    assert 0.6 < scaled.std() < 1.5


@pytest.mark.parametrize("nu", [1.5, np.inf])
def test_log_density_is_that_of_scipy(nu):
    rng = np.random.default_rng(7)
    weights, means, covariances = random_components(rng, 3)
    mixture = Mixture(weights, means, covariances, nu)
    z = mixture.sample(200, rng)
    laws = [
        stats.multivariate_t(m, c, df=nu) if np.isfinite(nu) else stats.multivariate_normal(m, c)
        for m, c in zip(means, covariances, strict=True)
    ]
    expected = np.log(sum(w * law.pdf(z) for w, law in zip(weights, laws, strict=True)))
    assert mixture.log_density(z) == pytest.approx(expected, abs=1e-3)


def test_a_single_component_has_its_closed_form():
    cov = np.array([[1.0, 0.0, 0.6], [0.0, 1.0, 0.3], [0.6, 0.3, 1.0]])
    mixture = Mixture(np.ones(1), np.zeros((1, 3)), cov[None])
    mi, stderr = mixture_information(mixture, 2, np.random.default_rng(0))
    assert mi == pytest.approx(-0.5 * np.log(np.linalg.det(cov)), abs=4 * stderr)
    alone = Mixture(np.ones(1), np.zeros((1, 2)), np.eye(2)[None])
    assert mixture_information(alone, 1, np.random.default_rng(0))[0] < 1e-5


def test_embedding_keeps_information():
    rng = np.random.default_rng(1)
    plane = STRUCTURES["stripes"](rng)
    mi, stderr = mixture_information(Mixture(*embed(plane, rng, 2, 3)), 2, rng)
    assert mi == pytest.approx(grid_information(Mixture(*plane)), abs=4 * stderr)


def test_corners_show_in_no_pair():
    weights, means, _ = corner_components(np.random.default_rng(0), 3)
    mixture = Mixture(weights, means, np.broadcast_to(0.09 * np.eye(3), (len(means), 3, 3)))
    pair = mixture.block(slice(0, 2))
    assert grid_information(pair, 200) < 1e-6
    # the density ratio is 2 but in the rarest rows
    for seed in range(5):
        mi, stderr = mixture_information(mixture, 2, np.random.default_rng(seed))
        assert mi == pytest.approx(0.6925, abs=4 * stderr + 1e-3)


def test_contaminated_normal_against_the_grid():
    rng = np.random.default_rng(3)
    for share, rho in ((0.3, 0.9), (0.8, 0.99)):
        covariances = np.array([[[1, rho], [rho, 1]], np.eye(2)])
        exact = grid_information(Mixture(np.array([share, 1 - share]), np.zeros((2, 2)), covariances), 600)
        drawn = Contaminated(kinds=("normal",), share=(share, share), mi=(-0.5 * np.log(1 - rho**2),) * 2).draw(
            rng, 1, 1
        )
        assert 0 < drawn.mi_stderr <= allowed_stderr(drawn.mi)
        assert drawn.mi == pytest.approx(exact, abs=4 * drawn.mi_stderr)


@pytest.mark.parametrize("kind", ARCHIMEDEAN)
def test_contaminated_copulas(kind, ksg):
    rng = np.random.default_rng(6)
    drawn = Contaminated(kinds=(kind,), share=(0.3, 0.7), mi=(0.8, 2.0)).draw(rng, 1, 1)
    x, y = drawn.sample(10_000, rng)
    assert ksg(x, y) == pytest.approx(drawn.mi, abs=0.05)


def test_contamination_of_nothing_is_nothing():
    mi, stderr = contaminated_information(lambda n, rng: (np.zeros(n), np.zeros(n)), 0.5, np.random.default_rng(0))
    assert mi == pytest.approx(0.0, abs=1e-12)
    assert stderr == pytest.approx(0.0, abs=1e-12)


def test_curve_in_one_dimension_is_a_normal_channel():
    z = np.linspace(-5, 5, 256)
    weights = np.exp(-z * z / 2)
    mi, stderr = curve_information(z[:, None], weights / weights.sum(), 0.5, np.random.default_rng(0))
    assert mi == pytest.approx(0.5 * np.log(5.0), abs=4 * stderr)


@pytest.mark.parametrize(("dx", "dy"), [(1, 2), (2, 2)])
def test_curve_draws_agree_with_nearest_neighbours(dx, dy, ksg):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        drawn = CurveFamily(shapes=("line", "sine", "saturating"), sigma=(0.4, 1.5)).draw(rng, dx, dy)
        x, y = drawn.sample(6000, rng)
        s = x @ np.array(drawn.parameters["direction"])
        assert ksg(s[:, None], y) == pytest.approx(drawn.mi, abs=0.08 + 2 * drawn.mi_stderr)


def test_every_label_keeps_its_error_bound():
    rng = np.random.default_rng(9)
    for family, dims in ((MixtureFamily(), (2, 1)), (Contaminated(), (3, 2)), (CurveFamily(), (1, 3))):
        for _ in range(15):
            drawn = family.draw(rng, *dims)
            assert drawn.mi_stderr <= allowed_stderr(drawn.mi)


def test_control_variates_lower_the_error_and_keep_the_mean():
    rng = np.random.default_rng(0)
    control = rng.standard_normal(4000)
    s = 1.0 + 2.0 * control + 0.1 * rng.standard_normal(4000)
    mean, stderr = regress_controls(s, [control])
    assert mean == pytest.approx(1.0, abs=4 * stderr)
    assert stderr < 0.01 * s.std()
    assert regress_controls(s, [np.zeros(4000)])[0] == s.mean()  # a control that says nothing is left out


def test_draws_go_on_until_the_error_is_small_enough():
    rng = np.random.default_rng(0)
    calls: list[int] = []

    def draw(n: int) -> tuple[np.ndarray, list[np.ndarray]]:
        calls.append(n)
        return 0.2 + 1.5 * rng.standard_normal(n), []

    mean, stderr = monte_carlo_information(draw, log_ratio=False)
    assert stderr <= allowed_stderr(mean)
    assert sum(calls) == pytest.approx((1.5 / 0.009) ** 2, rel=0.5)
    assert log_sum_exp(np.log(np.array([[1.0], [3.0]])))[0] == pytest.approx(np.log(4.0))
