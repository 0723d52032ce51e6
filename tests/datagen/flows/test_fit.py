"""Fitted flows: bijective, better than a normal on a bent table, stored and read back, seeded by the Generator."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_score

from mutualist.datagen.flows.fit import FittedFlow, fit_flow
from mutualist.errors import ConfigError, DataError, InputError


def moons(n: int, seed: int = 0) -> np.ndarray:
    """Two interlocking half circles, in units far from one."""
    rng = np.random.default_rng(seed)
    at, upper = rng.uniform(0, np.pi, n), rng.random(n) < 0.5
    u = np.where(upper, np.cos(at), 1 - np.cos(at)) + 0.1 * rng.standard_normal(n)
    v = np.where(upper, np.sin(at), 0.5 - np.sin(at)) + 0.1 * rng.standard_normal(n)
    return np.column_stack([1000 + 50 * u, 1e-3 * v])


def quick_fit(seed: int = 1) -> FittedFlow:
    return fit_flow(moons(600), np.random.default_rng(seed), columns=("u", "v"), layers=2, steps=25, batch=128)


@pytest.fixture(scope="module")
def fitted() -> FittedFlow:
    return quick_fit()


def test_fit_beats_a_normal_and_is_undone(fitted: FittedFlow) -> None:
    assert fitted.likelihood["flow"] > fitted.likelihood["normal"] + 0.05
    noise = np.random.default_rng(0).standard_normal((5000, 2))
    rows = fitted.from_noise(noise)
    np.testing.assert_allclose(fitted.to_noise(rows), noise, atol=1e-4)
    table = moons(5000)
    np.testing.assert_allclose(rows.mean(axis=0), table.mean(axis=0), atol=0.3 * table.std(axis=0).max())
    np.testing.assert_allclose(rows.std(axis=0), table.std(axis=0), rtol=0.3)
    np.testing.assert_array_equal(quick_fit().from_noise(noise), rows)


def test_log_density_is_one_and_that_of_the_samples(fitted: FittedFlow) -> None:
    """The integral over a fine grid is 1, and a box holds as many samples as its share of the integral."""
    low, high = fitted.location - 5 * fitted.scale, fitted.location + 5 * fitted.scale
    axes = [np.linspace(a, b, 300) for a, b in zip(low, high, strict=True)]
    grid = np.column_stack([g.ravel() for g in np.meshgrid(*axes, indexing="ij")])
    mass = np.exp(fitted.log_density(grid)) * np.prod([axis[1] - axis[0] for axis in axes])
    assert mass.sum() == pytest.approx(1.0, abs=0.01)
    rows = fitted.sample(20_000, np.random.default_rng(2))
    for corner in (fitted.location, fitted.location + 0.5 * fitted.scale):
        inside = (grid < corner).all(axis=1)
        assert (rows < corner).all(axis=1).mean() == pytest.approx(mass[inside].sum(), abs=0.025)


def test_stored_flow_is_the_same_and_damage_is_named(fitted: FittedFlow, tmp_path: Path) -> None:
    fitted.save(tmp_path / "flow")
    assert sorted(p.name for p in (tmp_path / "flow").iterdir()) == ["flow.json", "flow.safetensors"]
    read = FittedFlow.load(tmp_path / "flow")
    noise = np.random.default_rng(0).standard_normal((50, 2))
    np.testing.assert_array_equal(read.from_noise(noise), fitted.from_noise(noise))
    assert read.columns == ("u", "v")
    assert read.likelihood == fitted.likelihood

    weights, description = tmp_path / "flow" / "flow.safetensors", tmp_path / "flow" / "flow.json"
    whole, stated = weights.read_bytes(), description.read_text()
    for damaged in (whole[:100], whole[:-4] + b"\x00\x01\x02\x03"):
        weights.write_bytes(damaged)
        with pytest.raises(DataError, match=r"no readable flow .*truncated or changed"):
            FittedFlow.load(tmp_path / "flow")
    weights.write_bytes(whole)
    values = json.loads(stated)
    wrong = {
        "format 99": {**values, "format": 99},
        "no key 'scale'": {k: v for k, v in values.items() if k != "scale"},
        "above 0": {**values, "scale": [1.0, 0.0]},
        "Missing key": {**values, "layers": 5},
    }
    for message, other in wrong.items():
        description.write_text(json.dumps(other))
        with pytest.raises(DataError, match=message):
            FittedFlow.load(tmp_path / "flow")
    description.write_text(stated[:50])
    with pytest.raises(DataError, match="no readable flow"):
        FittedFlow.load(tmp_path / "flow")
    with pytest.raises(DataError, match="nowhere"):
        FittedFlow.load(tmp_path / "nowhere")


def test_tables_that_cannot_be_fitted_are_refused() -> None:
    rng = np.random.default_rng(0)
    table = rng.standard_normal((100, 3))
    with pytest.raises(InputError, match="at least 50 rows"):
        fit_flow(table[:10], rng)
    with pytest.raises(InputError, match="at least 2 columns"):
        fit_flow(table[:, :1], rng)
    with pytest.raises(InputError, match="names"):
        fit_flow(table, rng, columns=("a",))
    with pytest.raises(ConfigError, match="steps"):
        fit_flow(table, rng, steps=0)
    with pytest.raises(InputError, match=r"column 2 lies .* subtract"):
        fit_flow(table + np.array([0.0, 0.0, 1e6]), rng)
    table[:, 1] = 4.0
    with pytest.raises(InputError, match="column 1 is constant"):
        fit_flow(table, rng)
    table[3, 2] = np.nan
    with pytest.raises(InputError, match="column 2 holds NaN"):
        fit_flow(table, rng)


@pytest.mark.slow
def test_a_classifier_can_hardly_tell_synthetic_rows_from_real_ones() -> None:
    table = moons(2000)
    rng = np.random.default_rng(0)
    fitted = fit_flow(table, rng, layers=6, steps=500)
    truth = np.repeat([1, 0], 2000)

    def auc(synthetic: np.ndarray) -> float:
        rows = np.concatenate([moons(2000, seed=5), synthetic])
        forest = RandomForestClassifier(100, min_samples_leaf=5, random_state=0)
        return float(cross_val_score(forest, rows, truth, cv=4, scoring="roc_auc").mean())

    normal = rng.multivariate_normal(table.mean(axis=0), np.cov(table.T), 2000)
    assert auc(normal) > 0.75
    assert auc(fitted.sample(2000, rng)) < 0.6
