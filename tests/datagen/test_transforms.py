import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mutualist.datagen.flows.transform  # noqa: F401  registers it
from mutualist.datagen.column_maps import COLUMN_MAPS, standardise
from mutualist.datagen.transforms import TRANSFORMS, ColumnMaps, Spiral, Transform, make_transform, register
from mutualist.errors import ConfigError

GRID = np.linspace(-6, 6, 4001)


@pytest.mark.parametrize("name", sorted(COLUMN_MAPS))
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_column_maps_increase_strictly(name: str, seed: int) -> None:
    f, parameters = COLUMN_MAPS[name](np.random.default_rng(seed))
    assert (np.diff(f(GRID)) > 0).all()
    json.dumps(parameters)


@pytest.mark.parametrize("name", sorted(COLUMN_MAPS))
def test_column_maps_do_not_tie_rows_in_float32(name: str) -> None:
    """Not even in tails as heavy as those of a Student-t with 0.7 degrees of freedom."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        f, _ = COLUMN_MAPS[name](rng)
        for column in (rng.standard_normal(2000), rng.standard_cauchy(2000), rng.standard_t(0.7, size=2000)):
            mapped = f(column).astype(np.float32)
            assert np.isfinite(mapped).all()
            assert len(np.unique(mapped)) > 0.985 * len(np.unique(column.astype(np.float32)))


@pytest.mark.parametrize("name", sorted(COLUMN_MAPS))
@pytest.mark.parametrize("seed", range(5))
def test_column_maps_stay_finite_in_float32_in_the_largest_unit(name: str, seed: int) -> None:
    """A column whose middle half nearly agrees has outliers of any size once it is brought to unit scale."""
    f, _ = COLUMN_MAPS[name](np.random.default_rng(seed))
    largest = 10.0 ** max(ColumnMaps().unit)
    for size in (1e6, 1e12, 1e18):
        assert np.isfinite((f(np.array([-size, size])) * largest).astype(np.float32)).all()


def test_standardise_takes_its_scale_from_pilot_rows_alone() -> None:
    rng = np.random.default_rng(0)
    values = rng.standard_normal((164, 3)) * (1e-6, 1.0, 1e6) + (0, 5, 0)
    changed = values.copy()
    changed[:100] = 0
    scaled, location, scale = standardise(values, 100)
    assert (location, scale) is not None
    np.testing.assert_array_equal(scale, standardise(changed, 100)[2])
    assert 0.5 < scaled.std(axis=0).min() <= scaled.std(axis=0).max() < 2
    # A column in which most or all pilot rows agree still has a scale.
    values[:, 0] = 1
    values[:, 1] = rng.random(164) < 0.1
    assert (standardise(values, 100)[2] > 0).all()


def drawn(name: str) -> Transform:
    return make_transform(name, {})


@pytest.mark.parametrize("name", sorted(TRANSFORMS))
def test_transforms_keep_shape_and_rows_and_state_themselves(name: str) -> None:
    for dx, dy in ((1, 1), (2, 5), (4, 1)):
        data = np.random.default_rng(0)
        x, y = data.standard_normal((128, dx)), data.standard_normal((128, dy))
        before = x.copy(), y.copy()
        u, v, parameters = drawn(name).apply(np.random.default_rng(1), x, y, 64)
        assert (u.shape, v.shape) == (x.shape, y.shape)
        json.dumps(parameters)
        again = drawn(name).apply(np.random.default_rng(1), *before, 64)
        np.testing.assert_array_equal(u, again[0])
        np.testing.assert_array_equal(v, again[1])
        # A row is mapped by itself: other rows of the record do not matter.
        alone = drawn(name).apply(np.random.default_rng(1), before[0][10:], before[1][10:], 54)
        np.testing.assert_allclose(alone[0], u[10:], rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(alone[1], v[10:], rtol=1e-6, atol=1e-9)


def test_mixing_is_linear_inside_each_side_and_invertible() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((400, 3)), rng.standard_normal((400, 2)) * 1e4
    u, v, parameters = make_transform("mixing", {"condition": 10.0}).apply(np.random.default_rng(1), x, y, 300)
    for before, after, side in ((x, u, "x"), (y, v, "y")):
        design = np.column_stack([(before - parameters[side]["location"]) / parameters[side]["scale"]])
        matrix, *_ = np.linalg.lstsq(design, after, rcond=None)
        np.testing.assert_allclose(design @ matrix, after, atol=1e-9)
        np.testing.assert_allclose(np.linalg.svd(matrix)[1], np.sort(parameters[side]["singular"])[::-1], rtol=1e-9)


def test_spiral_keeps_the_norm_and_is_undone_from_its_parameters() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_t(2, size=(300, 4)), rng.standard_normal((300, 1))
    u, v, parameters = Spiral().apply(np.random.default_rng(1), x, y, 200)
    np.testing.assert_array_equal(v, y)
    p = parameters["x"]
    scaled = (x - p["location"]) / p["scale"]
    back = u.copy()
    squared = (back**2).sum(axis=1) / 4
    np.testing.assert_allclose(squared, (scaled**2).sum(axis=1) / 4, rtol=1e-9)
    for i, j, speed in reversed(p["turns"]):
        angle = -speed * squared / (1 + squared / 9)
        a, b = back[:, i].copy(), back[:, j].copy()
        back[:, i], back[:, j] = np.cos(angle) * a - np.sin(angle) * b, np.sin(angle) * a + np.cos(angle) * b
    np.testing.assert_allclose(back, scaled, atol=1e-6)


def test_columns_maps_each_column_monotonically() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((264, 4)), rng.standard_normal((264, 2))
    u, v, parameters = make_transform("columns", {"share": 1.0}).apply(np.random.default_rng(1), x, y, 200)
    for before, after, side in ((x, u, "x"), (y, v, "y")):
        for j, stated in enumerate(parameters[side]):
            order = np.argsort(before[:, j])
            assert (np.diff(after[order, j]) * np.sign(stated["factor"]) > 0).all()
    assert np.log10(np.abs([p["factor"] for p in parameters["x"]])).std() > 0.5


def test_columns_options_change_what_is_drawn() -> None:
    values = np.random.default_rng(0).standard_normal((128, 6))
    options = {"flip": 0.0, "unit": (0.0, 0.0), "share": 0.0}
    u, _, stated = make_transform("columns", options).apply(np.random.default_rng(1), values, values, 64)
    np.testing.assert_allclose(u, standardise(values, 64)[0])
    assert all("map" not in p and p["factor"] == 1 for p in stated["x"])
    only = make_transform("columns", {"maps": {"spline": 1.0}, "share": 1.0})
    assert {p["map"] for p in only.apply(np.random.default_rng(1), values, values, 64)[2]["x"]} == {"spline"}


@pytest.mark.parametrize(
    ("name", "options", "word"),
    [
        ("mixng", {}, "mixing"),
        ("mixing", {"conditon": 2}, "condition"),
        ("mixing", {"condition": 0.5}, "condition"),
        ("columns", {"maps": {"cube": 1.0}}, "half-cube"),
        ("monotone", {"maps": {}}, "weight"),
    ],
)
def test_wrong_settings_say_what_is_right(name: str, options: dict[str, object], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        make_transform(name, options)


def test_a_name_is_given_once() -> None:
    class Other(Spiral):
        pass

    with pytest.raises(ValueError, match="two transforms are called 'spiral'"):
        register(Other)
    assert TRANSFORMS["spiral"] is Spiral
