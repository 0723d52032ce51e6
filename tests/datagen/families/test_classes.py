"""Classes with normal columns: labels against quadrature, a discriminant of large samples, and limits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm

from mutualist.datagen.families.classes import class_normals_mi
from mutualist.datagen.registry import make_family
from mutualist.errors import ConfigError


def test_one_dimension_against_a_fine_grid() -> None:
    p, means, scales = np.array([0.2, 0.5, 0.3]), np.array([0.0, 1.0, 3.0]), np.array([1.0, 0.4, 1.5])
    y = np.linspace(-12, 15, 200_001)
    given_class = norm.pdf(y[:, None], means, scales)
    marginal = given_class @ p
    terms = given_class * np.log(given_class / marginal[:, None], where=given_class > 0, out=np.zeros_like(given_class))
    expected = np.trapezoid(terms @ p, y)
    mi, stderr = class_normals_mi(p, means[:, None], scales[:, None, None], np.random.default_rng(0), 60_000)
    assert stderr < 0.002
    assert mi == pytest.approx(expected, abs=4 * stderr)


def test_classes_of_several_clusters_against_a_fine_grid() -> None:
    p, means, scales = np.array([0.2, 0.3, 0.1, 0.4]), np.array([0.0, 3.0, 1.0, 5.0]), np.array([1.0, 0.5, 0.7, 1.5])
    y = np.linspace(-12, 20, 200_001)
    joint = (p * norm.pdf(y[:, None], means, scales)).reshape(-1, 2, 2).sum(axis=2)
    of_class = p.reshape(2, 2).sum(axis=1)
    ratio = joint / joint.sum(axis=1, keepdims=True) / of_class
    expected = np.trapezoid((joint * np.log(ratio, where=joint > 0, out=np.zeros_like(joint))).sum(axis=1), y)
    rng = np.random.default_rng(0)
    mi, stderr = class_normals_mi(p, means[:, None], scales[:, None, None], rng, 60_000, clusters=2)
    assert stderr < 0.002
    assert mi == pytest.approx(expected, abs=4 * stderr)


@pytest.mark.parametrize("seed", range(6))
def test_label_agrees_with_the_mean_log_ratio_of_its_sample(seed: int) -> None:
    rng = np.random.default_rng([seed, 2])
    joint = make_family("class-normals", {"max_clusters": 1}).draw(rng, 1, 2)
    p = joint.parameters
    x, y = joint.sample(40_000, rng)
    k = np.argmax(x == np.array(p["codes"])[:, 0], axis=1)
    # The class-conditional laws are fitted, not taken from the parameters: the mixing is not among these.
    laws = [multivariate_normal(y[k == c].mean(axis=0), np.cov(y[k == c].T)) for c in range(len(p["p"]))]
    density = np.column_stack([law.pdf(y) for law in laws])
    ratio = np.log(density[np.arange(len(y)), k]) - np.log(density @ (np.bincount(k) / len(k)))
    allowed = 4 * np.hypot(ratio.std() / np.sqrt(len(y)), joint.mi_stderr) + 1e-3
    assert ratio.mean() == pytest.approx(joint.mi, abs=allowed)


def test_limits() -> None:
    rng = np.random.default_rng(0)
    p = np.array([0.1, 0.6, 0.3])
    unit = np.tile(np.eye(2), (3, 1, 1))
    assert class_normals_mi(p, np.zeros((3, 2)), unit, rng)[0] == pytest.approx(0.0, abs=1e-12)
    apart = 100.0 * np.array([[0, 0], [1, 0], [0, 1.0]])
    assert class_normals_mi(p, apart, unit, rng)[0] == pytest.approx(-np.sum(p * np.log(p)), abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(dims=st.sampled_from([(1, 2), (3, 1), (4, 4), (20, 6), (2, 32)]), seed=st.integers(0, 2**32 - 1))
def test_contract(dims: tuple[int, int], seed: int) -> None:
    samples = []
    for _ in range(2):
        rng = np.random.default_rng(seed)
        joint = make_family("class-normals", {}).draw(rng, *dims)
        assert joint.mi_stderr <= max(0.01, 0.02 * joint.mi)
        samples.append((joint.mi, *joint.sample(30, rng)))
    (mi, x, y), (mi2, x2, y2) = samples
    assert x.shape == (30, dims[0])
    assert y.shape == (30, dims[1])
    assert np.isfinite(x).all()
    assert np.isfinite(y).all()
    assert 0.0 <= mi < 2.5
    assert mi == mi2
    np.testing.assert_array_equal(x, x2)
    np.testing.assert_array_equal(y, y2)


def test_impossible_options_and_dimensions_are_refused() -> None:
    with pytest.raises(ConfigError, match="max_classes"):
        make_family("class-normals", {"max_classes": 1})
    with pytest.raises(ConfigError, match="max_clusters"):
        make_family("class-normals", {"max_clusters": 0})
    family = make_family("class-normals", {})
    assert not family.supports(1, 1)
    assert not family.supports(7, 7)
