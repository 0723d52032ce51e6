"""Counts on both sides: shared events, successes among those tried. The label is the MI of the joint table, in nats."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import gammaln, xlog1py, xlogy

from mutualist.datagen.families.tables import TableDistribution, check_range, random_levels, table_mi
from mutualist.datagen.interface import Array, Family, JointDistribution
from mutualist.datagen.registry import register


class _SharedPoissonDistribution(JointDistribution):
    def __init__(self, common: float, a: float, b: float) -> None:
        self.dx = self.dy = 1
        self.parameters = {"common": common, "a": a, "b": b}
        self._rates = (common, a, b)
        c, p_a, p_b = (_poisson_pmf(rate) for rate in self._rates)
        # Row c of each matrix holds the law of c + A (or c + B): X and Y are independent given C.
        x = np.zeros((len(c), len(c) + len(p_a) - 1))
        y = np.zeros((len(c), len(c) + len(p_b) - 1))
        for k in range(len(c)):
            x[k, k : k + len(p_a)] = p_a
            y[k, k : k + len(p_b)] = p_b
        self.mi = table_mi((x.T * c) @ y)

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        c, a, b = (rng.poisson(rate, n) for rate in self._rates)
        return (a + c)[:, None].astype(np.float64), (b + c)[:, None].astype(np.float64)


def _poisson_pmf(rate: float) -> Array:
    """Poisson probabilities on 0..k; the tail left out is below 1e-12."""
    if rate == 0.0:
        return np.ones(1)
    k = np.arange(int(rate + 7.5 * np.sqrt(rate) + 12.0))
    pmf = np.exp(xlogy(k, rate) - rate - gammaln(k + 1))
    return np.asarray(pmf / pmf.sum())


@register
@dataclass(frozen=True)
class SharedPoisson(Family):
    """X = A + C, Y = B + C with independent Poisson A, B, C (Holgate 1964). 1×1.

    I is that of the joint table, whose tail beyond the last cell is below 1e-12.
    A = 0 (then X = C is a thinned Y) in a tenth of the draws, C = 0 (then I = 0) never.

    Options: max_rate: rates are log-uniform on 0.1..max_rate.
    """

    name: ClassVar[str] = "shared-poisson"
    max_rate: float = 20.0

    def __post_init__(self) -> None:
        check_range("max_rate", self.max_rate, 0.1, 50.0)

    def supports(self, dx: int, dy: int) -> bool:
        return dx == dy == 1

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        common, a, b = (float(v) for v in np.exp(rng.uniform(np.log(0.1), np.log(self.max_rate), 3)))
        if rng.random() < 0.1:
            a = 0.0
        return shared_poisson(common, a, b)


def shared_poisson(common: float, a: float, b: float) -> JointDistribution:
    """The pair X = A + C, Y = B + C with the given rates of C, A and B."""
    return _SharedPoissonDistribution(common, a, b)


@register
@dataclass(frozen=True)
class BinomialThinning(Family):
    """X ~ Binomial(m, p), Y | X ~ Binomial(X, q), as successes among those tried: MI of the joint table. 1×1.

    In half of the draws Y also counts false positives, Y | X ~ Binomial(X, q) + Binomial(m − X, r).

    Options: max_trials: m is log-uniform on 1..max_trials.
    """

    name: ClassVar[str] = "binomial-thinning"
    max_trials: int = 40

    def __post_init__(self) -> None:
        check_range("max_trials", self.max_trials, 1, 100)

    def supports(self, dx: int, dy: int) -> bool:
        return dx == dy == 1

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        m = random_levels(rng, 1, self.max_trials)
        p, q = (float(v) for v in rng.uniform(0.05, 0.98, 2))
        r = float(rng.random()) if rng.random() < 0.5 else 0.0
        hits, misses = _binomial_pmfs(m, q), _binomial_pmfs(m, r)[::-1]
        rows = np.array([np.convolve(hits[k, : k + 1], misses[k, : m - k + 1]) for k in range(m + 1)])
        parameters: dict[str, Any] = {"trials": m, "p": p, "q": q, "r": r}
        return TableDistribution(_binomial_pmfs(m, p)[m][:, None] * rows, parameters)


def _binomial_pmfs(m: int, p: float) -> Array:
    """Row t holds the probabilities of Binomial(t, p) on 0..m, for t = 0..m."""
    t, k = np.arange(m + 1)[:, None], np.minimum(np.arange(m + 1), np.arange(m + 1)[:, None])
    choose = gammaln(t + 1) - gammaln(k + 1) - gammaln(t - k + 1)
    return np.tril(np.exp(choose + xlogy(k, p) + xlog1py(t - k, -p)))
