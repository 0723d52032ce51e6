"""The transform `flow`: seeded, blind to the rows it maps, and idle for single columns."""

import json

import numpy as np
import pytest

import mutualist.datagen.flows.transform  # noqa: F401  registers it
from mutualist.datagen.transforms import make_transform
from mutualist.errors import ConfigError


def test_maps_each_side_and_states_how() -> None:
    data = np.random.default_rng(0)
    x, y = 100.0 + 5.0 * data.standard_normal((164, 3)), data.standard_normal((164, 1))
    transform = make_transform("flow", {"share": 1.0})
    fx, fy, stated = transform.apply(np.random.default_rng(1), x, y, 100)
    again, _, _ = transform.apply(np.random.default_rng(1), x, y, 100)
    assert fx.shape == x.shape
    assert np.isfinite(fx).all()
    assert not np.allclose(fx, x)
    np.testing.assert_array_equal(fx, again)
    np.testing.assert_array_equal(fy, y)
    assert stated["y"] is None
    assert stated["x"]["kind"] in ("coupling", "spline")
    json.dumps(stated)


def test_a_row_is_mapped_alike_whatever_the_other_rows_of_the_record_are() -> None:
    data = np.random.default_rng(0)
    x, y = data.standard_normal((164, 4)), data.standard_normal((164, 2))
    other = x.copy()
    other[50:100] *= 3.0
    transform = make_transform("flow", {"share": 1.0})
    one, _, _ = transform.apply(np.random.default_rng(1), x, y, 100)
    two, _, _ = transform.apply(np.random.default_rng(1), other, y, 100)
    np.testing.assert_allclose(one[:50], two[:50], atol=1e-5)


@pytest.mark.parametrize("options", [{"kinds": ()}, {"kinds": ("planar",)}, {"strength": (1.0, 9.0)}, {"share": 0.0}])
def test_impossible_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        make_transform("flow", options)
