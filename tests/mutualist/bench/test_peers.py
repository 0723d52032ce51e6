"""The peers, on data whose mutual information is known, and where they must decline."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mutualist.bench.gaussian import canonical_mi, copula_mi
from mutualist.bench.methods import LEVELS
from mutualist.bench.nearest import ksg_mi, sklearn_mi
from mutualist.bench.resample import bootstrap, half_samples

Peer = Callable[[Any, Any, np.random.Generator], float | None]

PEERS: dict[str, Peer] = {
    "ksg": ksg_mi,
    "sklearn": sklearn_mi,
    "copula": lambda x, y, _: copula_mi(x, y),
    "cca": lambda x, y, _: canonical_mi(x, y),
}


def normal(n: int, dx: int, dy: int, seed: int = 0, noise: float = 1.0) -> tuple[np.ndarray, np.ndarray, float]:
    """X and Y normal, and I(X; Y) from the determinants of their covariances."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(dx + dy, dx + dy))
    covariance = root @ root.T + noise * (dx + dy) * np.eye(dx + dy)
    z = rng.multivariate_normal(np.zeros(dx + dy), covariance, n)
    dets = [np.linalg.slogdet(c)[1] for c in (covariance[:dx, :dx], covariance[dx:, dx:], covariance)]
    return z[:, :dx], z[:, dx:], 0.5 * (dets[0] + dets[1] - dets[2])


def mean(peer: Peer, n: int, dx: int, dy: int, rounds: int = 6, noise: float = 1.0) -> float:
    """Mean error over several samples of several distributions, nats."""
    errors = []
    for seed in range(rounds):
        x, y, truth = normal(n, dx, dy, seed, noise)
        value = peer(x, y, np.random.default_rng(seed))
        assert value is not None
        errors.append(value - truth)
    return float(np.mean(errors))


@pytest.mark.parametrize(
    ("name", "dx", "dy"), [(p, 1, 1) for p in PEERS] + [("ksg", 2, 1), ("copula", 3, 2), ("cca", 3, 2)]
)
def test_a_normal_pair_is_found(name: str, dx: int, dy: int) -> None:
    assert abs(mean(PEERS[name], 2000, dx, dy, noise=0.1)) < 0.03


def test_the_copula_has_no_bias_where_canonical_correlations_have() -> None:
    """With 60 rows of 5 + 5 columns the plug-in is too high by about dx dy / 2 n = 0.21 nats, and more."""
    assert abs(mean(PEERS["copula"], 60, 5, 5, rounds=40)) < 0.06
    assert mean(PEERS["cca"], 60, 5, 5, rounds=40) > 0.2


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), dx=st.integers(1, 3), dy=st.integers(1, 3))
def test_what_must_not_matter_does_not(seed: int, dx: int, dy: int) -> None:
    x, y, _ = normal(60, dx, dy, seed)
    order = np.random.default_rng(seed).permutation(60)
    for name in ("ksg", "copula", "cca"):
        peer = PEERS[name]
        value = peer(x, y, np.random.default_rng(0))
        assert value is not None
        assert value >= 0
        for a, b in ((y, x), (x[order], y[order]), (3 * x - 7, y)):
            assert peer(a, b, np.random.default_rng(0)) == pytest.approx(value, abs=1e-6)
    bent = copula_mi(np.exp(x), y**3)
    assert bent == pytest.approx(copula_mi(x, y))


@pytest.mark.parametrize(
    ("peer", "n", "dx", "dy"),
    [("ksg", 5, 1, 1), ("copula", 4, 1, 2), ("cca", 3, 1, 2), ("sklearn", 50, 2, 1), ("sklearn", 3, 1, 1)],
)
def test_peers_decline_what_they_cannot_do(peer: str, n: int, dx: int, dy: int) -> None:
    x, y, _ = normal(n, dx, dy)
    assert PEERS[peer](x, y, np.random.default_rng(0)) is None


@pytest.mark.parametrize("peer", PEERS)
def test_ties_and_constants_end_in_a_number(peer: str) -> None:
    x = np.random.default_rng(0).integers(0, 3, (80, 1)).astype(float)
    for other in (x, np.ones((80, 1))):
        value = PEERS[peer](x, other, np.random.default_rng(0))
        assert value is not None
        assert np.isfinite(value)
        assert value >= 0


@pytest.mark.parametrize(("interval", "point"), [(bootstrap, PEERS["copula"]), (half_samples, PEERS["ksg"])])
def test_intervals_have_the_spread_of_the_estimate(interval: Any, point: Peer) -> None:
    """Beside the standard deviation over fresh samples, which resampling has to guess from one."""
    rng = np.random.default_rng(0)

    def draw() -> tuple[np.ndarray, np.ndarray]:
        z = rng.normal(size=(300, 2))
        return z[:, :1], 0.7 * z[:, :1] + np.sqrt(0.51) * z[:, 1:]

    found = [interval(lambda a, b: point(a, b, rng), *draw(), LEVELS, rng, 40) for _ in range(6)]
    spread = np.mean([(q[4] - q[0]) / (2 * 1.645) for q in found])
    assert spread == pytest.approx(np.std([point(*draw(), rng) or 0.0 for _ in range(80)]), rel=0.3)
    x, y = draw()
    alone = interval(lambda a, b: point(a, b, rng), x, y, LEVELS, rng, 5)
    assert alone[2] == pytest.approx(point(x, y, rng), abs=1e-6)
    assert bool((np.diff(alone) > 0).all())


def test_intervals_decline_with_their_estimate() -> None:
    x, y, _ = normal(4, 2, 2)
    rng = np.random.default_rng(0)
    assert bootstrap(copula_mi, x, y, LEVELS, rng, 5) is None
    assert half_samples(lambda a, b: ksg_mi(a, b, rng), *normal(8, 1, 1)[:2], LEVELS, rng, 5) is None


@pytest.mark.parametrize("peer", ["mine_mi", "info_nce_mi"])
def test_a_network_for_each_pair_finds_a_strong_dependence(peer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from mutualist.bench import neural

    monkeypatch.setattr(neural, "STEPS", 240)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 1))
    y = 0.9 * x + np.sqrt(1 - 0.81) * rng.normal(size=(400, 1))
    estimate = getattr(neural, peer)
    value = estimate(x, y, np.random.default_rng(1))
    assert value == estimate(x, y, np.random.default_rng(1))
    assert value == pytest.approx(-0.5 * np.log(1 - 0.81), abs=0.25)
    assert estimate(x, rng.normal(size=(400, 1)), np.random.default_rng(1)) < 0.1
    assert estimate(x[:10], y[:10], rng) is None
