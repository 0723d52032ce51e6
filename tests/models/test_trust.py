"""What is said of trust comes back from its tensors, and nothing else does."""

import numpy as np
import pytest

from mutualist.errors import ConfigError
from mutualist.models.strangeness import Reference
from mutualist.models.trust import Trust, is_trust
from mutualist.training.expected_error import fit_errors


@pytest.fixture(scope="module")
def trust() -> Trust:
    summaries = np.random.default_rng(0).standard_normal((200, 5))
    return Trust(Reference.fit(summaries, np.random.default_rng(0)), fit_errors(summaries, np.abs(summaries[:, 0])))


def test_it_comes_back_from_its_tensors(trust):
    tensors = trust.to_tensors()
    assert all(is_trust(name) for name in tensors)
    new = np.random.default_rng(1).standard_normal((7, 5))
    np.testing.assert_array_equal(Trust.from_tensors(tensors).judge(new), trust.judge(new))
    assert trust.judge(new).shape == (7, 2)


def test_missing_and_unknown_tensors_are_refused(trust):
    tensors = trust.to_tensors()
    with pytest.raises(ConfigError, match="scores"):
        Trust.from_tensors({name: values for name, values in tensors.items() if name != "errors.scores"})
    with pytest.raises(ConfigError, match="head"):
        Trust.from_tensors(tensors | {"head.weight": np.zeros(2, np.float32)})
    with pytest.raises(ConfigError, match="other"):
        Trust.from_tensors(tensors | {"errors.other": np.zeros(2, np.float32)})
