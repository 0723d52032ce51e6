"""Random correlation structures: what they are said to be, beyond the label, which test_reference_families checks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mutualist.datagen.correlations import chain, graph, onion
from mutualist.datagen.dispersion import Dispersion, Ranges


def covariance_of(dispersion: Dispersion) -> np.ndarray:
    return dispersion.factor @ dispersion.factor.T


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), dx=st.integers(1, 32), dy=st.integers(1, 32))
@pytest.mark.parametrize("structure", [onion, graph, chain])
def test_all_are_correlation_matrices_of_finite_mi(structure, seed: int, dx: int, dy: int) -> None:
    dispersion = structure(np.random.default_rng(seed), dx, dy, Ranges())
    sigma = covariance_of(dispersion)
    np.testing.assert_allclose(np.diag(sigma), 1.0, atol=1e-9)
    assert np.linalg.eigvalsh(sigma).min() > 0
    assert 0 <= dispersion.normal_mi < 200


@pytest.mark.parametrize(("dx", "dy", "eta"), [(1, 1, 1.0), (1, 1, 4.0), (3, 2, 2.0)])
def test_onion_has_the_law_of_its_correlations(dx: int, dy: int, eta: float) -> None:
    """Each correlation r has (1 + r)/2 ~ Beta(b, b), b = η + (d − 2)/2: mean 0 and variance 1/(2b + 1)."""
    rng, d = np.random.default_rng(0), dx + dy
    ranges = Ranges(concentration=(eta, eta))
    upper = np.triu_indices(d, 1)
    r = np.array([covariance_of(onion(rng, dx, dy, ranges))[upper] for _ in range(3000)])
    variance = 1 / (2 * eta + d - 1)
    assert np.abs(r.mean(axis=0)).max() < 4.5 * np.sqrt(variance / 3000)
    np.testing.assert_allclose(r.var(axis=0), variance, rtol=0.15)


def test_graph_has_as_many_partial_correlations_as_edges_and_joins_both_sides() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        dispersion = graph(rng, 4, 5, Ranges())
        precision = np.linalg.inv(covariance_of(dispersion))
        joined = np.abs(np.triu(precision, 1)) > 1e-9
        assert joined.sum() == dispersion.parameters["edges"]
        assert joined[:4, 4:].any()
        assert dispersion.normal_mi > 0


def test_chain_has_the_mi_of_its_neighbours_in_time() -> None:
    """The Markov property against the determinants: only the last of X and the first of Y count."""
    rng = np.random.default_rng(2)
    seen = set()
    for _ in range(30):
        dispersion = chain(rng, 5, 7, Ranges())
        pair = -0.5 * np.log1p(-(dispersion.parameters["rho"] ** 2))
        if dispersion.parameters["mixed"]:
            assert dispersion.normal_mi >= pair - 1e-12
        else:
            assert dispersion.normal_mi == pytest.approx(pair, rel=1e-9)
        seen.add((dispersion.parameters["mixed"], dispersion.parameters["rho"] > 0))
    assert len(seen) == 4


@pytest.mark.parametrize(
    ("structure", "name", "value", "key"),
    [
        (onion, "concentration", (3.0, 3.0), "concentration"),
        (graph, "slack", (0.5, 0.5), "slack"),
        (chain, "lag_mi", (1.0, 1.0), None),
    ],
)
def test_ranges_are_kept(structure, name: str, value: tuple[float, float], key: str | None) -> None:
    found = structure(np.random.default_rng(0), 2, 2, Ranges(**{name: value})).parameters
    if key is None:
        assert found["rho"] ** 2 == pytest.approx(1 - np.exp(-2))
    else:
        assert found[key] == pytest.approx(value[0])


def test_graph_of_higher_degree_has_more_edges() -> None:
    few, many = (
        np.mean([graph(np.random.default_rng(i), 6, 6, Ranges(degree=(k, k))).parameters["edges"] for i in range(30)])
        for k in (0.5, 4.0)
    )
    assert many > 3 * few
