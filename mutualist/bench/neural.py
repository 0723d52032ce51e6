"""Estimates by networks trained for each pair: MINE and InfoNCE.

Both maximise a lower bound of the mutual information over a critic f(x, y). As in the BMI benchmark (Czyż, Grabowski,
Vogt, Beerenwinkel and Marx, 2023, "Beyond normal"), a random half of the rows trains, the other half evaluates the
bound, and the estimate is the highest value met there before it has not risen for a while.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mutualist.bench.nearest import scaled

Array = NDArray[np.float64]
Bound = Callable[[nn.Module, Tensor, Tensor, torch.Generator], Tensor]

WIDTH, RATE, BATCH, STEPS, LOOK, PATIENCE = 64, 1e-3, 256, 2000, 20, 15
MIN_ROWS = 20


class JointCritic(nn.Module):
    """f(x, y) by one network on x and y together."""

    def __init__(self, dx: int, dy: int) -> None:
        super().__init__()
        self.net = _perceptron(dx + dy, 1)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """(n, dx), (n, dy) -> (n,)."""
        out: Tensor = self.net(torch.cat([x, y], 1))[:, 0]
        return out


class SeparableCritic(nn.Module):
    """f(x, y) = g(x) . h(y), which gives all pairs of rows at the cost of one product."""

    def __init__(self, dx: int, dy: int) -> None:
        super().__init__()
        self.g, self.h = _perceptron(dx, 32), _perceptron(dy, 32)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """(n, dx), (n, dy) -> (n, n)."""
        out: Tensor = self.g(x) @ self.h(y).T
        return out


def _perceptron(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(
        nn.Linear(inputs, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, outputs)
    )


def donsker_varadhan(critic: nn.Module, x: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
    """E f(x, y) - ln E exp f(x, y'), y' shuffled: the bound of MINE (Belghazi et al., 2018, equation 5)."""
    shuffled = y[torch.randperm(len(y), generator=generator)]
    together: Tensor = critic(x, y)
    apart: Tensor = critic(x, shuffled)
    bound: Tensor = together.mean() - (apart.logsumexp(0) - math.log(len(y)))
    return bound


def info_nce(critic: nn.Module, x: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
    """mean_i f(x_i, y_i) - ln mean_j exp f(x_i, y_j), at most ln n.

    van den Oord, Li and Vinyals (2018); Poole et al. (2019), equation 10.
    """
    scores: Tensor = critic(x, y)
    bound: Tensor = scores.diagonal().mean() - (scores.logsumexp(1) - math.log(len(y))).mean()
    return bound


def mine_mi(x: Array, y: Array, rng: np.random.Generator) -> float | None:
    """MINE with a joint critic, nats; None with fewer than 20 rows."""
    return _train(JointCritic, donsker_varadhan, x, y, rng)


def info_nce_mi(x: Array, y: Array, rng: np.random.Generator) -> float | None:
    """InfoNCE with a separable critic, nats; None with fewer than 20 rows."""
    return _train(SeparableCritic, info_nce, x, y, rng)


def _train(
    critic_type: Callable[[int, int], nn.Module], bound: Bound, x: Array, y: Array, rng: np.random.Generator
) -> float | None:
    n = len(x)
    if n < MIN_ROWS:
        return None
    seed = int(rng.integers(2**31))
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        critic = critic_type(x.shape[1], y.shape[1])
    half = torch.from_numpy(rng.permutation(n) < n // 2)
    a, b = (torch.from_numpy(scaled(side)).float() for side in (x, y))
    (train_x, test_x), (train_y, test_y) = (a[half], a[~half]), (b[half], b[~half])
    adam = torch.optim.Adam(critic.parameters(), RATE)
    best, since = 0.0, 0
    for step in range(STEPS):
        rows = torch.randperm(len(train_x), generator=generator)[:BATCH]
        loss = -bound(critic, train_x[rows], train_y[rows], generator)
        adam.zero_grad()
        loss.backward()
        adam.step()
        if step % LOOK == LOOK - 1:
            with torch.no_grad():
                value = float(bound(critic, test_x, test_y, generator))
            best, since = (value, 0) if value > best else (best, since + 1)
            if since > PATIENCE:
                break
    return best
