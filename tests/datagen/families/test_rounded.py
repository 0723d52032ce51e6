"""Rounded copulas: labels against counts, other formulas of the same probabilities, and what rounding must do."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from mutualist.datagen.families.archimedean import ARCHIMEDEAN
from mutualist.datagen.families.copula_cells import cell_probabilities, given_law, half_cut_information
from mutualist.datagen.families.copulas import KINDS, PairCopula, draw_pair
from mutualist.datagen.families.rounded import BEYOND, MARGINS, Margin, RoundedCopula, equal_shares, equal_steps
from mutualist.datagen.families.tables import quantised_normal_table, table_mi
from mutualist.errors import ConfigError

ROWS = 200_000
SEVENTHS = np.arange(1, 7) / 7


def of(kind: str, mi: float) -> PairCopula:
    return draw_pair(np.random.default_rng(3), kind, mi, (2.0, 6.0))


def counted(x: np.ndarray, y: np.ndarray) -> float:
    """MI in nats of observed frequencies, less their bias to first order (Miller 1955)."""
    i, j = (np.unique(column, return_inverse=True)[1].ravel() for column in (x, y))
    table = np.bincount(i * (j.max() + 1) + j, minlength=(i.max() + 1) * (j.max() + 1)).reshape(i.max() + 1, -1)
    bias = (np.count_nonzero(table) - table.shape[0] - table.shape[1] + 1) / (2 * len(i))
    return table_mi(table / len(i)) - bias


def textbook_cdf(copula: PairCopula, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """C(u, v) as Nelsen 2006 prints it (table 4.1); loses digits where dependence is strong."""
    t = copula.theta
    if copula.kind == "clayton":
        return (u**-t + v**-t - 1) ** (-1 / t)
    if copula.kind == "gumbel":
        return np.exp(-(((-np.log(u)) ** t + (-np.log(v)) ** t) ** (1 / t)))
    if copula.kind == "joe":
        return 1 - ((1 - u) ** t + (1 - v) ** t - (1 - u) ** t * (1 - v) ** t) ** (1 / t)
    return -np.log1p(np.expm1(-t * u) * np.expm1(-t * v) / np.expm1(-t)) / t


def textbook_conditional(copula: PairCopula, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """P(V <= v | U = u): differences of C, or scipy's distributions."""
    if copula.kind in ARCHIMEDEAN:
        step = 1e-5 * np.minimum(u, 1 - u)
        return (textbook_cdf(copula, u + step, v) - textbook_cdf(copula, u - step, v)) / (2 * step)
    rho, nu = copula.rho, copula.nu
    if copula.kind == "normal":
        return stats.norm.cdf(stats.norm.ppf(v), rho * stats.norm.ppf(u), np.sqrt(1 - rho**2))
    x = stats.t.ppf(u, nu)
    scale = np.sqrt((nu + x**2) * (1 - rho**2) / (nu + 1))
    return stats.t.cdf((stats.t.ppf(v, nu) - rho * x) / scale, nu + 1)


@pytest.mark.parametrize("kind", ARCHIMEDEAN)
@pytest.mark.parametrize("mi", [0.005, 0.6])
def test_distribution_functions_are_those_of_the_textbook(kind: str, mi: float) -> None:
    copula = of(kind, mi)
    u, v = np.linspace(0.02, 0.98, 25)[:, None], np.linspace(0.01, 0.99, 30)
    expected = textbook_cdf(copula, u, v)
    np.testing.assert_allclose(ARCHIMEDEAN[kind].cdf(copula.theta, u, v), expected, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mi", [0.05, 0.6])
def test_conditional_laws_are_those_of_the_textbook(kind: str, mi: float) -> None:
    copula = of(kind, mi)
    u, v = np.linspace(0.02, 0.98, 25), np.linspace(0.01, 0.99, 30)
    given = given_law(copula)
    np.testing.assert_allclose(given.below(given.score(u), v), textbook_conditional(copula, u[:, None], v), atol=2e-7)


@pytest.mark.parametrize("kind", ARCHIMEDEAN)
def test_conditional_laws_integrate_the_density_where_dependence_is_strong(kind: str) -> None:
    """The density has tests of its own; strong dependence puts the textbook's formulas out of reach."""
    copula = of(kind, 2.5)
    u, v, step = np.linspace(0.05, 0.95, 19), np.linspace(0.03, 0.97, 48), 1e-6
    given = given_law(copula)
    density = np.diff(given.below(given.score(u), np.stack([v - step, v + step], axis=1).ravel()))[:, ::2] / (2 * step)
    expected = np.exp(ARCHIMEDEAN[kind].log_density(copula.theta, u[:, None], v))
    np.testing.assert_allclose(density, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mi", [0.02, 0.7, 2.5])
def test_cells_have_the_margins_and_follow_samples(kind: str, mi: float) -> None:
    copula = of(kind, mi)
    cuts_u, cuts_v = np.array([0.001, 0.03, 0.4, 0.5, 0.9, 0.999]), SEVENTHS
    table = cell_probabilities(copula, cuts_u, cuts_v)
    np.testing.assert_allclose(table.sum(axis=1), np.diff(cuts_u, prepend=0, append=1), atol=1e-8)
    np.testing.assert_allclose(table.sum(axis=0), np.diff(cuts_v, prepend=0, append=1), atol=1e-8)
    u, v = copula.uniforms(ROWS, np.random.default_rng(1))
    cells = np.searchsorted(cuts_u, u) * 7 + np.searchsorted(cuts_v, v)
    seen = np.bincount(cells, minlength=49).reshape(7, 7) / ROWS
    deviations = (seen - table) / np.sqrt(np.maximum(table, 1 / ROWS) / ROWS)
    assert np.abs(deviations).max() < 5


@pytest.mark.parametrize("rho", [0.05, 0.7, 0.9966])
def test_cells_of_the_normal_copula_are_those_of_the_quantised_normal(rho: float) -> None:
    cuts_u, cuts_v = SEVENTHS, Margin("exponential").cdf(np.linspace(0.01, 7.6, 90))
    table = cell_probabilities(PairCopula("normal", 0.0, rho=rho), cuts_u, cuts_v)
    expected = quantised_normal_table(np.diff(cuts_u, prepend=0, append=1), np.diff(cuts_v, prepend=0, append=1), rho)
    np.testing.assert_allclose(table, expected, atol=2e-8)


def test_a_corner_of_the_student_copula_is_scipys() -> None:
    copula = PairCopula("student", 0.0, rho=0.6, nu=3.0)
    table = cell_probabilities(copula, SEVENTHS, SEVENTHS)
    upper = stats.t.ppf(SEVENTHS[[2, 4]], 3.0)
    law = stats.multivariate_t([0, 0], [[1, 0.6], [0.6, 1]], df=3)
    corner = law.cdf(upper, maxpts=200_000, random_state=np.random.default_rng(0))
    assert table[:3, :5].sum() == pytest.approx(corner, abs=2e-4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mi", [0.02, 0.8])
def test_one_rounded_is_the_mean_log_ratio_of_the_textbook(kind: str, mi: float) -> None:
    copula = of(kind, mi)
    cuts = np.array([0.01, 0.2, 0.35, 0.6, 0.7, 0.97])
    u, v = copula.uniforms(ROWS, np.random.default_rng(7))
    cell = np.searchsorted(cuts, v)
    u = np.clip(u, 1e-6, 1 - 1e-6)
    below = np.column_stack([np.zeros(ROWS), textbook_conditional(copula, u[:, None], cuts), np.ones(ROWS)])
    given = np.take_along_axis(np.diff(below), cell[:, None], axis=1)[:, 0]
    ratio = np.log(np.maximum(given, 1e-9) / np.diff(cuts, prepend=0, append=1)[cell])
    assert half_cut_information(copula, cuts) == pytest.approx(ratio.mean(), abs=5 * ratio.std() / ROWS**0.5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mi", [0.005, 0.5, 2.5])
def test_one_rounded_is_the_limit_of_both_and_has_converged(kind: str, mi: float) -> None:
    copula = of(kind, mi)
    for margin in MARGINS:
        for levels in (5, 60):
            cuts = equal_steps(Margin(margin), levels, 0.3).cuts
            half = half_cut_information(copula, cuts)
            assert half == pytest.approx(half_cut_information(copula, cuts, finer=2.0), abs=1e-7)
            fine = table_mi(cell_probabilities(copula, expit(np.linspace(-10, 10, 800)), cuts))
            assert fine - 1e-7 <= half <= fine + 0.003
            assert half <= copula.mi + 1e-7


@pytest.mark.parametrize("both", [0.0, 1.0])
def test_labels_agree_with_counts(both: float) -> None:
    """A column that is not rounded is counted in 250 cells of equal probability, which lose little."""
    for kind in KINDS:
        for seed in range(4):
            rng = np.random.default_rng(seed)
            joint = RoundedCopula(kinds=(kind,), levels=(5, 40), both=both).draw(rng, 1, 1)
            assert joint.mi_stderr == 0
            x, y = joint.sample(ROWS, rng)
            for side, levels in zip((x, y), joint.parameters["levels"], strict=True):
                if levels is None:
                    side[:] = (side.ravel().argsort().argsort() * 250 // ROWS)[:, None]
                else:
                    assert len(np.unique(side)) <= levels
            assert counted(x, y) == pytest.approx(joint.mi, abs=0.012), joint.parameters


def test_rounding_loses_information_the_more_the_coarser() -> None:
    for kind in KINDS:
        copula = of(kind, 1.5)
        cuts = [equal_shares(Margin("uniform"), k).cuts for k in (3, 9, 27, 81, 243)]
        both = np.array([table_mi(cell_probabilities(copula, c, c)) for c in cuts])
        half = np.array([half_cut_information(copula, c) for c in cuts])
        assert (np.diff(both) > 0).all()
        assert (np.diff(half) > 0).all()
        assert (both < half).all()
        assert half[-1] < copula.mi
        assert both[-1] > 0.9 * copula.mi


@pytest.mark.parametrize("margin", MARGINS)
def test_grids_are_even_and_cover_the_margin(margin: str) -> None:
    law, u = Margin(margin, 0.7), np.random.default_rng(0).random(50_000)
    grid = equal_steps(law, 50, 0.4)
    assert (np.diff(grid.cuts) > 0).all()
    assert grid.cuts[0] > BEYOND
    assert grid.cuts[-1] < 1 - BEYOND
    np.testing.assert_allclose(np.diff(grid.values), grid.values[1] - grid.values[0])
    error = np.abs(grid.round(u) - law.quantile(u))[(u > grid.cuts[0]) & (u < grid.cuts[-1])]
    assert error.max() <= 0.5 * (grid.values[1] - grid.values[0]) * (1 + 1e-9)
    shares = equal_shares(law, 20)
    np.testing.assert_allclose(np.unique(shares.round(u), return_counts=True)[1] / len(u), 0.05, atol=0.006)


def test_levels_are_log_uniform_and_sides_chance() -> None:
    rng = np.random.default_rng(4)
    levels = [RoundedCopula(levels=(5, 300)).draw(rng, 1, 1).parameters["levels"] for _ in range(300)]
    known = np.array([k for pair in levels for k in pair if k is not None])
    assert np.median(known) == pytest.approx(np.sqrt(5 * 300), rel=0.3)
    assert known.min() < 8
    assert known.max() > 200
    assert 100 < sum(None not in pair for pair in levels) < 200
    assert min(sum(pair[k] is None for pair in levels) for k in (0, 1)) > 40


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kinds": ("plackett",)}, "plackett"),
        ({"margins": ("cauchy",)}, "cauchy"),
        ({"levels": (1, 20)}, "low <= high"),
        ({"levels": (5, 5000)}, "levels"),
        ({"both": 1.5}, "both"),
        ({"mi": (1.0, 0.1)}, "low <= high"),
    ],
)
def test_options_are_checked(options: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        RoundedCopula(**options)


@pytest.mark.parametrize("kind", KINDS)
def test_a_strong_copula_keeps_nearly_all_of_its_information_on_a_fine_grid(kind: str) -> None:
    copula = of(kind, 3.0)
    half = half_cut_information(copula, np.arange(1, 1000) / 1000)
    assert 2.85 < half < copula.mi
    assert 2.7 < table_mi(cell_probabilities(copula, np.arange(1, 1000) / 1000, np.arange(1, 1000) / 1000)) < half
