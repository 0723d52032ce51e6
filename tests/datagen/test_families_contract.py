"""What every registered family promises, whoever wrote it."""

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mutualist.datagen.families  # noqa: F401  registers the families
from mutualist.datagen.composite import Independent, Swapped
from mutualist.datagen.interface import Family, JointDistribution
from mutualist.datagen.registry import FAMILIES, make_family, register, required_options
from mutualist.errors import ConfigError

NAMES = sorted(FAMILIES)
# Options of the families that have some without a default.
OPTIONS: dict[str, dict[str, Any]] = {}


@pytest.fixture(scope="module", autouse=True)
def _options(stored_flow: Path) -> None:
    OPTIONS["fitted-flow"] = {"flow": str(stored_flow)}


def family_of(name: str) -> Family:
    return make_family(name, OPTIONS.get(name, {}))


def supported(name: str, limit: int = 5) -> list[tuple[int, int]]:
    family = family_of(name)
    return [(dx, dy) for dx in range(1, limit + 1) for dy in range(1, limit + 1) if family.supports(dx, dy)]


def draw(name: str, seed: int, dims: tuple[int, int]) -> JointDistribution:
    return family_of(name).draw(np.random.default_rng((zlib.crc32(name.encode()), seed)), *dims)


def some_dims(name: str) -> list[tuple[int, int]]:
    """The smallest, the largest and the most unequal that the family supports, within limits."""
    every = supported(name)
    return sorted({every[0], every[-1], max(every, key=lambda d: (abs(d[0] - d[1]), d))})


@pytest.mark.parametrize("name", NAMES)
def test_label_and_sample_are_well_formed(name: str) -> None:
    for dx, dy in some_dims(name):
        for seed in range(3):
            joint = draw(name, seed, (dx, dy))
            assert (joint.dx, joint.dy) == (dx, dy)
            assert 0 <= joint.mi < np.inf
            assert 0 <= joint.mi_stderr <= max(0.01, 0.02 * joint.mi)
            for n in (1, 10, 257):
                x, y = joint.sample(n, np.random.default_rng(seed))
                assert x.shape == (n, dx)
                assert y.shape == (n, dy)
                # Records are stored in float32.
                assert np.isfinite(x.astype(np.float32)).all()
                assert np.isfinite(y.astype(np.float32)).all()
            json.dumps(joint.parameters, default=lambda v: v.tolist())


@pytest.mark.parametrize("name", NAMES)
def test_randomness_is_the_argument_alone(name: str) -> None:
    dims = some_dims(name)[-1]
    one, same, other = draw(name, 1, dims), draw(name, 1, dims), draw(name, 2, dims)
    assert one.mi == same.mi
    assert json.dumps(one.parameters, default=str) == json.dumps(same.parameters, default=str)
    x, y = one.sample(50, np.random.default_rng(4))
    x_same, y_same = same.sample(50, np.random.default_rng(4))
    np.testing.assert_array_equal(x, x_same)
    np.testing.assert_array_equal(y, y_same)
    x_other, y_other = other.sample(50, np.random.default_rng(5))
    assert not (np.array_equal(x, x_other) and np.array_equal(y, y_other))


@pytest.mark.parametrize("name", NAMES)
def test_mi_is_symmetric_and_zero_when_drawn_apart(name: str) -> None:
    joint = draw(name, 3, some_dims(name)[-1])
    swapped, apart = Swapped(joint), Independent(joint)
    assert (swapped.mi, swapped.dx, swapped.dy) == (joint.mi, joint.dy, joint.dx)
    assert apart.mi == apart.mi_stderr == 0


@pytest.mark.parametrize("name", NAMES)
def test_unknown_option_is_an_error(name: str) -> None:
    with pytest.raises(ConfigError, match="no option"):
        make_family(name, {"no_such_option": 1})


def test_unknown_family_names_those_that_exist() -> None:
    with pytest.raises(ConfigError, match="multivariate-normal"):
        make_family("multivariat-normal", {})


@pytest.mark.parametrize("name", [name for name in NAMES if required_options(FAMILIES[name])])
def test_an_option_without_default_is_asked_for(name: str) -> None:
    with pytest.raises(ConfigError, match=f"needs the options .*{required_options(FAMILIES[name])[0]}"):
        make_family(name, {})


def test_every_family_that_needs_no_file_takes_part_in_the_full_configuration() -> None:
    from mutualist.datagen.config import load_config

    named = {c.family for part in load_config("full").parts for c in part.components}
    assert named == {name for name in NAMES if not required_options(FAMILIES[name])}


def test_a_name_is_given_once() -> None:
    held = FAMILIES["copula"]

    class Other(held):  # type: ignore[misc, valid-type]
        pass

    with pytest.raises(ValueError, match="two families are called 'copula'"):
        register(Other)
    assert FAMILIES["copula"] is held
