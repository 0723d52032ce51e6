"""Strangeness is a share of known samples: uniform over their like, 1 far away from all of them."""

import numpy as np
import pytest

from mutualist.errors import ConfigError
from mutualist.models.strangeness import Reference


def summaries(rng: np.random.Generator, count: int) -> np.ndarray:
    """Two kinds of samples, in five directions of nine, on unlike scales."""
    kinds = rng.normal(size=(2, 5)) * 6
    values = kinds[rng.integers(0, 2, count)] + rng.normal(size=(count, 5))
    return np.column_stack([values, values[:, :3] @ rng.normal(size=(3, 3)), np.full(count, 7.0)]) * np.geomspace(
        1e-3, 1e3, 9
    )


@pytest.fixture
def known() -> tuple[Reference, np.ndarray]:
    values = summaries(np.random.default_rng(1), 3000)
    return Reference.fit(values[:2000], np.random.default_rng(0)), values[2000:]


def test_further_samples_of_the_same_kinds_are_strange_as_often_as_it_says(known):
    reference, further = known
    found = reference.strangeness(further)
    for share in (0.5, 0.9, 0.99):
        assert (found <= share).mean() == pytest.approx(share, abs=0.06)


def test_what_lies_beyond_the_kinds_is_strange(known):
    reference, further = known
    beyond = further.mean(0) + 10 * further.std(0)
    assert reference.strangeness(beyond[None])[0] == 1


def test_scales_of_the_summaries_do_not_matter(known):
    values = summaries(np.random.default_rng(1), 3000)
    wide = Reference.fit(values[:2000, 3:] * 1000, np.random.default_rng(0))
    plain = Reference.fit(values[:2000, 3:], np.random.default_rng(0))
    new = np.random.default_rng(2).normal(values.mean(0), values.std(0), (50, 9))[:, 3:]
    np.testing.assert_allclose(wide.strangeness(new * 1000), plain.strangeness(new), atol=0.02)


@pytest.mark.parametrize("points", [12, 40, 333, 1000])
def test_many_samples_are_as_strange_as_each_alone(points):
    values = summaries(np.random.default_rng(3), 2 * points + 50)
    reference = Reference.fit(values[: 2 * points], np.random.default_rng(0))
    alone = np.concatenate([reference.strangeness(one[None]) for one in values[2 * points :]])
    np.testing.assert_allclose(reference.strangeness(values[2 * points :]), alone, atol=1e-5)


def test_nothing_asked_nothing_answered(known):
    assert known[0].strangeness(np.empty((0, 9))).shape == (0,)


def test_it_comes_back_from_its_tensors(known):
    reference, further = known
    again = Reference(**reference.to_tensors())
    np.testing.assert_array_equal(again.strangeness(further), reference.strangeness(further))


@pytest.mark.parametrize(
    "change",
    [
        {"centre": np.zeros(3, np.float32)},
        {"points": np.zeros((2, 5), np.float32)},
        {"directions": np.full((9, 5), np.nan, np.float32)},
        {"distances": np.array([1.0, 0.0], np.float32)},
    ],
)
def test_what_does_not_fit_is_refused(known, change):
    with pytest.raises(ConfigError, match="reference"):
        Reference(**(known[0].to_tensors() | change))


def test_too_few_records_are_refused():
    with pytest.raises(ConfigError, match="at least 20 records, got 5"):
        Reference.fit(np.zeros((5, 3)), np.random.default_rng(0))
