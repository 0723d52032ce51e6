"""Random flows: bijective in float32, seeded by the Generator alone, nonlinear, and neutral to mutual information."""

import json

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree
from scipy.special import digamma

from mutualist.datagen.flows.invertible import Kind, random_flow
from mutualist.errors import ConfigError, InputError

KINDS: list[Kind] = ["coupling", "spline"]


def ksg(x: np.ndarray, y: np.ndarray, k: int = 4) -> float:
    """Estimator 1 of Kraskov et al. 2004, in nats."""
    joint = np.column_stack([x, y])
    radius = cKDTree(joint).query(joint, k + 1, p=np.inf)[0][:, k] * (1 - 1e-9)
    near = [cKDTree(v).query_ball_point(v, radius, p=np.inf, return_length=True) for v in (x, y)]
    return float(digamma(k) + digamma(len(x)) - np.mean(digamma(near[0]) + digamma(near[1])))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dim", [2, 3, 8, 32])
def test_round_trip_in_float32(kind: Kind, dim: int) -> None:
    for seed in range(10):
        rng = np.random.default_rng([seed, dim])
        rows = rng.standard_normal((300, dim)).astype(np.float32)
        flow = random_flow(rng, dim, kind)
        mapped = flow.forward(rows)
        assert mapped.dtype == np.float32
        assert mapped.shape == rows.shape
        np.testing.assert_allclose(flow.inverse(mapped), rows, rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_far_out_rows_stay_finite_and_come_back(kind: Kind) -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_t(1.0, (2000, 4))
    flow = random_flow(rng, 4, kind)
    mapped = flow.forward(rows)
    assert np.isfinite(mapped).all()
    size = np.linalg.norm(rows, axis=1, keepdims=True)
    assert np.max(np.abs(flow.inverse(mapped) - rows) / (1 + size)) < 1e-4


@pytest.mark.parametrize("kind", KINDS)
def test_the_jacobian_is_what_the_layers_say_and_never_degenerate(kind: Kind) -> None:
    rng = np.random.default_rng(3)
    flow = random_flow(rng, 3, kind)
    flow.layers.double()
    with torch.no_grad():
        z = torch.from_numpy(rng.standard_normal((200, 3)))
        stated, at = torch.zeros(200, dtype=torch.float64), z
        for layer in flow.layers:
            at, log_det = layer(at)
            stated = stated + log_det
        columns = []
        for j in range(3):
            step = torch.zeros(3, dtype=torch.float64)
            step[j] = 1e-6
            ahead, behind = z + step, z - step
            for layer in flow.layers:
                ahead, behind = layer(ahead)[0], layer(behind)[0]
            columns.append((ahead - behind) / 2e-6)
        measured = torch.linalg.slogdet(torch.stack(columns, dim=2))[1]
    # A difference quotient across a knot of the spline is off by the change of slope there; hence the median.
    assert float((measured - stated).abs().median()) < 1e-5
    assert float(stated.abs().max()) < 12.0


@pytest.mark.parametrize("kind", KINDS)
def test_columns_are_clearly_bent(kind: Kind) -> None:
    unexplained = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        rows = rng.standard_normal((2000, 4))
        mapped = random_flow(rng, 4, kind).forward(rows)
        inputs = np.column_stack([rows, np.ones(2000)])
        rest = mapped - inputs @ np.linalg.lstsq(inputs, mapped, rcond=None)[0]
        unexplained.append(np.mean(rest.var(axis=0) / mapped.var(axis=0)))
    # 0 would be a linear map; near 1 nothing of the original columns were left.
    assert 0.05 < np.median(unexplained) < 0.6


def information_after(kind: Kind, n: int, seed: int) -> tuple[float, float]:
    """The MI of a normal pair, hidden in two columns of X, and KSG's estimate after a flow of these."""
    rho = 0.75
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 2))
    y = rho * x[:, [0]] + np.sqrt(1 - rho**2) * rng.standard_normal((n, 1))
    return -0.5 * np.log(1 - rho**2), ksg(random_flow(rng, 2, kind).forward(x), y)


@pytest.mark.parametrize("kind", KINDS)
def test_mutual_information_is_kept(kind: Kind) -> None:
    for seed in range(3):
        truth, estimate = information_after(kind, 5000, seed)
        assert estimate == pytest.approx(truth, abs=0.04)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_mutual_information_is_kept_to_the_accuracy_of_a_large_sample(kind: Kind) -> None:
    for seed in range(3):
        truth, estimate = information_after(kind, 60_000, seed)
        assert estimate == pytest.approx(truth, abs=0.015)


def test_only_the_generator_decides() -> None:
    rows = np.random.default_rng(0).standard_normal((20, 5))
    torch_state = torch.get_rng_state()
    first = random_flow(np.random.default_rng(7), 5)
    assert torch.equal(torch.get_rng_state(), torch_state)
    again = random_flow(np.random.default_rng(7), 5)
    other = random_flow(np.random.default_rng(8), 5)
    np.testing.assert_array_equal(first.forward(rows), again.forward(rows))
    assert not np.allclose(first.forward(rows), other.forward(rows))
    assert first.parameters == again.parameters
    json.dumps(first.parameters)


def test_zero_strength_leaves_a_linear_map() -> None:
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((200, 3))
    mapped = random_flow(rng, 3, "coupling", strength=0.0).forward(rows)
    fit = np.linalg.lstsq(rows, mapped, rcond=None)[0]
    np.testing.assert_allclose(rows @ fit, mapped, atol=1e-5)


def test_wrong_use_is_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ConfigError, match="at least 2"):
        random_flow(rng, 1)
    with pytest.raises(ConfigError, match="spiral"):
        random_flow(rng, 2, "spiral")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="layers"):
        random_flow(rng, 2, layers=0)
    with pytest.raises(ConfigError, match="strength"):
        random_flow(rng, 2, strength=-1.0)
    with pytest.raises(InputError, match="3 columns"):
        random_flow(rng, 3).forward(np.zeros((5, 2)))
