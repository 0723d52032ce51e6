"""The family `fitted-flow`: X is what the flow makes of standard normal noise, and the label is kept."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kstest

from mutualist.datagen.dispersion import Ranges, mi_of_covariance
from mutualist.datagen.families.fitted_flow import FittedFlowFamily, ThroughFlow, whitened
from mutualist.datagen.flows.fit import FittedFlow
from mutualist.datagen.registry import make_family
from mutualist.datagen.structures import STRUCTURES
from mutualist.errors import ConfigError, DataError


@pytest.mark.parametrize("structure", sorted(STRUCTURES))
def test_whitening_keeps_mi_and_makes_sides_standard_normal(structure: str) -> None:
    dispersion = STRUCTURES[structure](np.random.default_rng(4), 3, 2, Ranges())
    for sides in ((True, False), (True, True)):
        factor = whitened(dispersion, 3, sides)
        covariance = factor @ factor.T
        np.testing.assert_allclose(covariance[:3, :3], np.eye(3), atol=1e-10)
        if sides[1]:
            np.testing.assert_allclose(covariance[3:, 3:], np.eye(2), atol=1e-10)
        assert mi_of_covariance(covariance, 3)[0] == pytest.approx(dispersion.normal_mi, abs=1e-9)


def test_x_follows_the_flow_whatever_y_is(stored_flow: Path) -> None:
    family = make_family("fitted-flow", {"flow": str(stored_flow), "structures": ("lvm",)})
    joint = family.draw(np.random.default_rng(1), 2, 3)
    x, y = joint.sample(4000, np.random.default_rng(2))
    noise = FittedFlow.load(stored_flow).to_noise(x)
    for column in noise.T:
        assert kstest(column, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(noise[:, 0], noise[:, 1])[0, 1]) < 0.06
    assert y.shape == (4000, 3)


@pytest.mark.parametrize("both", [False, True])
def test_mi_after_the_flow_is_that_of_the_label(stored_flow: Path, both: bool) -> None:
    """Undo the flow of the finished float32 sample, and take the MI of a normal with the covariance that is found."""
    options = {"flow": str(stored_flow), "structures": ("canonical",), "ranges": {"canonical_mi": (0.4, 1.5)}}
    family = make_family("fitted-flow", {**options, **({"flow_y": str(stored_flow)} if both else {})})
    joint = family.draw(np.random.default_rng(3), 2, 2)
    x, y = (side.astype(np.float32) for side in joint.sample(20_000, np.random.default_rng(5)))
    flow = FittedFlow.load(stored_flow)
    rows = np.column_stack([flow.to_noise(x), flow.to_noise(y) if both else y])
    # Standard error of the estimate about sqrt(sum of rho^2 / n) < 0.01.
    assert mi_of_covariance(np.cov(rows.T), 2)[0] == pytest.approx(joint.mi, abs=0.04)


@pytest.mark.slow
def test_nearest_neighbours_find_the_same_mi_before_and_after(stored_flow: Path) -> None:
    family = FittedFlowFamily(flow=str(stored_flow), structures=("canonical",), ranges={"canonical_mi": (0.4, 1.0)})
    joint = family.draw(np.random.default_rng(8), 2, 1)
    assert isinstance(joint, ThroughFlow)
    x, y = joint.sample(20_000, np.random.default_rng(9))
    before = FittedFlow.load(stored_flow).to_noise(x)
    found = {name: ksg(values, y) for name, values in {"before": before, "after": x}.items()}
    assert found["before"] == pytest.approx(joint.mi, abs=0.04)
    assert found["after"] == pytest.approx(joint.mi, abs=0.04)


def ksg(x: np.ndarray, y: np.ndarray, k: int = 5) -> float:
    """Kraskov et al. 2004, algorithm 1, after normal scores of each column."""
    from scipy.spatial import cKDTree
    from scipy.special import digamma, ndtri
    from scipy.stats import rankdata

    x, y = (ndtri(rankdata(v, axis=0) / (len(v) + 1)) for v in (x, y))
    radius = cKDTree(np.column_stack([x, y])).query(np.column_stack([x, y]), k + 1, p=np.inf)[0][:, -1] - 1e-12
    counts = [cKDTree(v).query_ball_point(v, radius, p=np.inf, return_length=True) for v in (x, y)]
    return float(digamma(k) + digamma(len(x)) - sum(digamma(c).mean() for c in counts))


def test_dimensions_and_options(stored_flow: Path, tmp_path: Path) -> None:
    one = FittedFlowFamily(flow=str(stored_flow))
    two = FittedFlowFamily(flow=str(stored_flow), flow_y=str(stored_flow))
    assert [one.supports(2, 5), one.supports(3, 2)] == [True, False]
    assert [two.supports(2, 2), two.supports(2, 3)] == [True, False]
    assert set(two.draw(np.random.default_rng(0), 2, 2).parameters) >= {"columns_x", "columns_y", "flow_x", "flow_y"}
    with pytest.raises(ConfigError, match="structures"):
        FittedFlowFamily(flow=str(stored_flow), structures=("dens",))
    with pytest.raises(ConfigError, match=r"no flow at .*nowhere"):
        FittedFlowFamily(flow=str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="another"):
        FittedFlowFamily(flow=str(stored_flow), digest="0" * 64)
