"""Discrete families: labels against large samples, closed forms and limits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm, poisson

from mutualist.datagen.families.counts import shared_poisson
from mutualist.datagen.families.discrete import symmetric_channel
from mutualist.datagen.families.tables import label_codes, quantised_normal_table, table_mi
from mutualist.datagen.interface import JointDistribution
from mutualist.datagen.registry import make_family
from mutualist.errors import ConfigError

DIMS = {
    "contingency-table": [(1, 1), (2, 1), (3, 2)],
    "latent-class": [(1, 1), (2, 3)],
    "symmetric-channel": [(1, 1)],
    "binary-channel": [(1, 1)],
    "correlated-bernoulli": [(1, 1)],
    "shared-poisson": [(1, 1)],
    "binomial-thinning": [(1, 1)],
    "quantised-normal": [(1, 1)],
    "noisy-boolean": [(1, 1), (4, 2), (2, 5)],
    "independent-discrete": [(1, 1), (2, 1)],
}
CASES = [(name, dx, dy) for name, dims in DIMS.items() for dx, dy in dims]
LARGE = 200_000


def state_numbers(rows: np.ndarray) -> np.ndarray:
    """One integer per row, equal where the rows are."""
    number = np.zeros(len(rows), dtype=np.int64)
    for column in rows.T:
        number = number * 64 + column.astype(np.int64)
    return np.unique(number, return_inverse=True)[1]


def plug_in(x: np.ndarray, y: np.ndarray) -> float:
    """Plug-in MI in nats, bias-corrected to first order (Miller 1955)."""
    i, j = state_numbers(x), state_numbers(y)
    counts = np.bincount(i * (j.max() + 1) + j, minlength=(i.max() + 1) * (j.max() + 1)).reshape(i.max() + 1, -1)
    bias = (np.count_nonzero(counts) - counts.shape[0] - counts.shape[1] + 1) / (2 * len(i))
    return table_mi(counts / len(i)) - bias


@pytest.mark.parametrize(("name", "dx", "dy"), CASES)
def test_label_agrees_with_a_large_sample(name: str, dx: int, dy: int) -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        joint = make_family(name, {}).draw(rng, dx, dy)
        x, y = joint.sample(LARGE, rng)
        # The standard error is at most 0.004 here (log ratios have a spread below 1.6 nats).
        assert plug_in(x, y) == pytest.approx(joint.mi, abs=0.012), joint.parameters


@settings(max_examples=40, deadline=None)
@given(case=st.sampled_from(CASES), seed=st.integers(0, 2**32 - 1), n=st.integers(1, 50))
def test_contract(case: tuple[str, int, int], seed: int, n: int) -> None:
    name, dx, dy = case

    def make() -> tuple[JointDistribution, np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        joint = make_family(name, {}).draw(rng, dx, dy)
        return joint, *joint.sample(n, rng)

    (joint, x, y), (again, x2, y2) = make(), make()
    assert (joint.dx, joint.dy) == (dx, dy)
    assert x.shape == (n, dx)
    assert y.shape == (n, dy)
    assert np.isfinite(x).all()
    assert np.isfinite(y).all()
    assert 0.0 <= joint.mi < np.log(128.0)
    assert joint.mi_stderr == 0.0
    assert again.mi == joint.mi
    assert again.parameters == joint.parameters
    np.testing.assert_array_equal(x, x2)
    np.testing.assert_array_equal(y, y2)


@pytest.mark.parametrize("k", [2, 3, 7, 20])
def test_symmetric_channel_closed_form_and_limits(k: int) -> None:
    uniform = np.full(k, 1 / k)
    for e in (0.05, 0.3, 0.49):
        expected = np.log(k) + (1 - e) * np.log(1 - e) + e * np.log(e / (k - 1))
        assert symmetric_channel(uniform, e).mi == pytest.approx(expected, abs=1e-12)
    assert symmetric_channel(uniform, 0.0).mi == pytest.approx(np.log(k), abs=1e-12)
    assert symmetric_channel(uniform, (k - 1) / k).mi == pytest.approx(0.0, abs=1e-12)


def test_binary_channels_have_their_textbook_capacity() -> None:
    def h(e: float) -> float:
        return -e * np.log(e) - (1 - e) * np.log(1 - e)

    seen = set()
    for seed in range(60):
        joint = make_family("binary-channel", {}).draw(np.random.default_rng(seed), 1, 1)
        table, kind = np.array(joint.parameters["table"]), joint.parameters["kind"]
        if joint.parameters["p"] != 0.5 or kind not in ("symmetric", "erasure"):
            continue
        e = 2 * table[0, 1]
        expected = np.log(2) - h(e) if kind == "symmetric" else (1 - e) * np.log(2)
        assert joint.mi == pytest.approx(expected, abs=1e-12)
        seen.add(kind)
    assert seen == {"symmetric", "erasure"}


def test_shared_poisson_table_is_the_sum_over_the_common_part() -> None:
    common, a, b = 1.3, 0.7, 2.1
    k, c = np.arange(40), np.arange(40)
    table = np.einsum(
        "c,ci,cj->ij",
        poisson.pmf(c, common),
        poisson.pmf(k - c[:, None], a),
        poisson.pmf(k - c[:, None], b),
    )
    assert shared_poisson(common, a, b).mi == pytest.approx(table_mi(table), abs=1e-9)
    # With no private part X = Y = C, and I is the entropy of C; a rare common part tells almost nothing.
    assert shared_poisson(common, 0.0, 0.0).mi == pytest.approx(poisson(common).entropy(), abs=1e-9)
    assert shared_poisson(1e-6, a, b).mi < 1e-6


@pytest.mark.parametrize("rho", [-0.95, 0.0, 0.3, 0.999])
def test_quantised_normal_cells_are_rectangle_probabilities(rho: float) -> None:
    p_x, p_y = np.array([0.2, 0.5, 0.3]), np.array([0.1, 0.4, 0.25, 0.25])
    table = quantised_normal_table(p_x, p_y, rho)
    np.testing.assert_allclose(table.sum(axis=1), p_x, atol=1e-12)
    np.testing.assert_allclose(table.sum(axis=0), p_y, atol=1e-12)
    corner = multivariate_normal([0, 0], [[1, rho], [rho, 1]]).cdf(norm.ppf([0.7, 0.5]))
    assert table[:2, :2].sum() == pytest.approx(corner, abs=1e-7)


def test_finer_levels_lose_less_of_the_latent_information() -> None:
    latent = -0.5 * np.log(1 - 0.8**2)
    mi = [table_mi(quantised_normal_table(np.full(k, 1 / k), np.full(k, 1 / k), 0.8)) for k in (2, 4, 16, 64)]
    assert np.all(np.diff(mi) > 0)
    assert 0.97 * latent < mi[-1] < latent


def test_parity_is_invisible_in_every_single_column() -> None:
    for seed in range(200):
        joint = make_family("noisy-boolean", {}).draw(np.random.default_rng(seed), 3, 1)
        p = joint.parameters
        if p["functions"] == ["parity"] and p["p"] == [0.5] * 3 and not p["swapped"] and p["errors"][0] < 0.1:
            break
    else:
        pytest.fail("no draw is the parity of fair bits")
    e = p["errors"][0]
    expected = np.log(2) + (e * np.log(e) + (1 - e) * np.log(1 - e) if e else 0.0)
    assert joint.mi == pytest.approx(expected, abs=1e-12)
    x, y = joint.sample(LARGE, np.random.default_rng(0))
    assert max(plug_in(x[:, [j]], y) for j in range(3)) < 1e-4


def test_independent_discrete_is_exactly_zero_with_dependent_columns() -> None:
    inside = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        joint = make_family("independent-discrete", {}).draw(rng, 2, 1)
        assert joint.mi == 0.0
        x, _ = joint.sample(50_000, rng)
        inside.append(plug_in(x[:, [0]], x[:, [1]]))
    assert max(inside) > 0.01


def test_independent_discrete_has_sides_of_levels_and_sides_of_counts() -> None:
    kinds = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        joint = make_family("independent-discrete", {}).draw(rng, 3, 2)
        for side, values in zip("xy", joint.sample(20_000, rng), strict=True):
            stated = joint.parameters[side]
            np.testing.assert_array_equal(values, np.round(values))
            kinds.append("rates" in stated)
            if "levels" in stated:
                assert 0 <= values.min() <= values.max() < stated["levels"]
            elif stated["classes"] == 1:
                np.testing.assert_allclose(values.var(axis=0) / values.mean(axis=0), 1.0, atol=0.06)  # Poisson
    assert 0 < sum(kinds) < len(kinds)


def test_dependence_ranges_from_nothing_to_almost_everything() -> None:
    rng = np.random.default_rng(1)
    mi = [make_family("contingency-table", {}).draw(rng, 1, 1).mi for _ in range(300)]
    assert np.quantile(mi, 0.05) < 0.01
    assert max(mi) > 1.2


@pytest.mark.parametrize(("states", "columns"), [(2, 1), (3, 3), (4, 3), (20, 2), (7, 5), (128, 2)])
def test_codes_tell_the_states_apart(states: int, columns: int) -> None:
    for seed in range(10):
        codes = label_codes(np.random.default_rng(seed), states, columns)
        assert codes.shape == (states, columns)
        assert len(np.unique(codes, axis=0)) == states


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("contingency-table", {"min_levels": 1}),
        ("contingency-table", {"max_levels": 1000}),
        ("shared-poisson", {"max_rate": 1e9}),
        ("quantised-normal", {"max_mi": 50.0}),
        ("symmetric-channel", {"max_error": 2.0}),
        ("latent-class", {"max_classes": 1}),
        ("binomial-thinning", {"max_trials": 0}),
    ],
)
def test_impossible_options_are_refused(name: str, options: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options)).split("_")[0]):
        make_family(name, options)
