"""A discrete or count response Y to a score s ~ N(0, 1), which X carries through a lift.

All labels are in nats, by one-dimensional quadrature: I(X; Y) = I(s; Y) = E_s Σ_y p(y | s) ln p(y | s) / p(y).
X is continuous with dx columns (see `lifts`): linear projections (as in regression), radii, signs of products, sums
modulo one. In half of the draws X and Y change places, where the dimensions admit both.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import expit, gammaln, ndtr, ndtri, xlog1py, xlogy

from mutualist.datagen.families.lifts import MAX_COLUMNS, random_swap, respond
from mutualist.datagen.families.quadrature import channel_mi, normal_rule, panels
from mutualist.datagen.families.tables import (
    check_range,
    label_codes,
    random_correlation,
    random_levels,
    random_pmf,
)
from mutualist.datagen.interface import Array, Family, JointDistribution
from mutualist.datagen.registry import register


def _noise_cdf(link: str, t: Array) -> Array:
    """Distribution function of the noise of unit scale: normal, logistic, or uniform on (−1, 1)."""
    if link == "probit":
        return np.asarray(ndtr(t))
    if link == "logit":
        return np.asarray(expit(t))
    return np.clip(0.5 * (t + 1.0), 0.0, 1.0)


# Breaks around a cut, in units of the noise scale: dense where −p ln p bends, to where nothing is left.
_OFFSETS = {
    "probit": np.array([-8.5, -5.0, -3.0, -1.5, 0.0, 1.5, 3.0, 5.0, 8.5]),
    "logit": np.array([-36.0, -18.0, -9.0, -5.0, -2.5, 0.0, 2.5, 5.0, 9.0, 18.0, 36.0]),
    "uniform": np.array([-1.0, -0.99, -0.9, -0.5, 0.0, 0.5, 0.9, 0.99, 1.0]),
}


def ordinal_mi(cuts: Array, scale: float, link: str) -> float:
    """I(s; Y) in nats, s ~ N(0, 1), Y = number of `cuts` below s + scale · noise (`link`: probit, logit, uniform)."""
    s, w = normal_rule(1.0, cuts[:, None] + scale * _OFFSETS[link])
    below = _noise_cdf(link, (cuts - s[:, None]) / scale)
    return channel_mi(w, np.maximum(np.diff(below, axis=1, prepend=0.0, append=1.0), 0.0))


def softmax_mi(intercepts: Array, slopes: Array) -> float:
    """I(s; Y) in nats for s ~ N(0, 1), P(Y = k | s) ∝ exp(a_k + b_k s)."""
    s, w = normal_rule(2.0 / max(1e-9, float(np.ptp(slopes))))
    logits = intercepts + slopes * s[:, None]
    rows = np.exp(logits - logits.max(axis=1, keepdims=True))
    return channel_mi(w, rows / rows.sum(axis=1, keepdims=True))


@register
@dataclass(frozen=True)
class OrdinalResponse(Family):
    """A class or grade Y of a continuous X: probit, logit, uniform-noise or softmax label, or quantised without noise.

    Y = number of cuts below s + σ·noise (ordered probit and logit: McCullagh 1980), or P(Y = k) ∝ exp(a_k + b_k s);
    without noise I = H(Y). Levels of Y in order or shuffled; with dy > 1 one-hot, thermometer or other codes.

    Options: max_levels; min_mi, max_mi: the law of ½ ln(1 + 1/σ²), log-uniform. dx ≤ 32, dy ≤ 6, or swapped.
    """

    name: ClassVar[str] = "ordinal-response"
    max_levels: int = 12
    min_mi: float = 0.005
    max_mi: float = 3.0

    def __post_init__(self) -> None:
        check_range("max_levels", self.max_levels, 2, 64)
        check_range("max_mi", self.max_mi, self.min_mi, 5.0)

    def supports(self, dx: int, dy: int) -> bool:
        return 1 <= min(dx, dy) <= 6 and max(dx, dy) <= MAX_COLUMNS

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        swapped = random_swap(rng, dx, dy, 6)
        columns = dx if swapped else dy
        # Few draws of a level would do for one-hot codes: take as many levels as columns there.
        levels = columns + int(rng.integers(2)) if columns > 2 else random_levels(rng, 2, self.max_levels)
        codes = label_codes(rng, levels, columns)
        if rng.random() < 0.4:
            codes = codes[rng.permutation(levels)]
        kind = str(rng.choice(["probit", "logit", "uniform", "softmax", "none"], p=[0.25, 0.25, 0.15, 0.2, 0.15]))
        parameters: dict[str, Any] = {"kind": kind, "codes": codes.tolist()}
        if kind == "softmax":
            a, b = rng.standard_normal((2, levels)) * [[1.0], [np.exp(rng.uniform(np.log(0.1), np.log(8.0)))]]
            parameters |= {"intercepts": a.tolist(), "slopes": b.tolist()}

            def sample_softmax(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
                s = rng.standard_normal((n, 1))
                return s, codes[np.argmax(a + b * s - np.log(rng.standard_exponential((n, levels))), axis=1)]

            return respond(rng, dx, dy, swapped, softmax_mi(a, b), sample_softmax, parameters)

        pmf = random_pmf(rng, levels)
        if kind == "none":
            cuts, mi, scale = ndtri(np.cumsum(pmf)[:-1]), float(-xlogy(pmf, pmf).sum()), 0.0
        else:
            rho = random_correlation(rng, self.min_mi, self.max_mi)
            scale = np.sqrt(1.0 / rho**2 - 1.0)
            cuts = ndtri(np.cumsum(pmf)[:-1]) * np.sqrt(1.0 + scale**2)
            scale *= {"probit": 1.0, "logit": np.sqrt(3.0) / np.pi, "uniform": np.sqrt(3.0)}[kind]
            mi = ordinal_mi(cuts, scale, kind)
        parameters |= {"scale": float(scale), "cuts": cuts.tolist()}

        def sample(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            s = rng.standard_normal((n, 1))
            noisy = s[:, 0] + scale * _noise(kind, n, rng) if scale else s[:, 0]
            return s, codes[np.searchsorted(cuts, noisy)]

        return respond(rng, dx, dy, swapped, mi, sample, parameters)


def _noise(link: str, n: int, rng: np.random.Generator) -> Array:
    if link == "probit":
        return rng.standard_normal(n)
    return rng.logistic(size=n) if link == "logit" else rng.uniform(-1.0, 1.0, n)


def count_mi(kind: str, a: float, b: float, trials: int, inflation: float) -> float:
    """I(s; Y) in nats for s ~ N(0, 1) and a count Y, which is set to 0 with probability `inflation`.

    *poisson*: rate exp(a + b s), cut at |s| = 5.5 (probability 4e-8); *binomial*: `trials` with probability Φ(a + b s).
    """
    if kind == "poisson":
        s, w = panels(np.linspace(-5.5, 5.5, 13))
        w = w * np.exp(-0.5 * s * s)
        w /= w.sum()
        log_rate = (a + b * s)[:, None]
        top = np.exp(a + 5.5 * abs(b))
        y = np.arange(int(top + 6.0 * np.sqrt(top) + 12.0))
        rows = np.exp(y * log_rate - np.exp(log_rate) - gammaln(y + 1))
        rows /= rows.sum(axis=1, keepdims=True)
    else:
        s, w = normal_rule(1.5 / max(1.0, abs(b)))
        y = np.arange(trials + 1)
        p = ndtr(a + b * s)[:, None]
        choose = gammaln(trials + 1) - gammaln(y + 1) - gammaln(trials - y + 1)
        rows = np.exp(choose + xlogy(y, p) + xlog1py(trials - y, -np.minimum(p, 1.0 - 1e-16)))
        rows /= rows.sum(axis=1, keepdims=True)
    rows *= 1.0 - inflation
    rows[:, 0] += inflation
    return channel_mi(w, rows)


@register
@dataclass(frozen=True)
class CountResponse(Family):
    """Counts that depend on X: Poisson with rate exp(a + b s) or binomial with probability Φ(a + b s).

    Generalised linear models (McCullagh & Nelder 1989); with extra zeros in 3 of 10 draws.

    Options: max_trials of the binomial. dy = 1 or dx = 1, up to 32.
    """

    name: ClassVar[str] = "count-response"
    max_trials: int = 30

    def __post_init__(self) -> None:
        check_range("max_trials", self.max_trials, 1, 200)

    def supports(self, dx: int, dy: int) -> bool:
        return min(dx, dy) == 1 and max(dx, dy) <= MAX_COLUMNS

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        kind = "poisson" if rng.random() < 0.5 else "binomial"
        trials = random_levels(rng, 1, self.max_trials)
        sign = float(rng.choice([-1.0, 1.0]))
        if kind == "poisson":
            b = sign * float(np.exp(rng.uniform(np.log(0.05), np.log(1.1))))
            a = float(rng.uniform(-1.0, 5.5 - 5.5 * abs(b))) if abs(b) < 1.0 else -1.0
            a = max(a, -1.0)
        else:
            b = sign * float(np.exp(rng.uniform(np.log(0.05), np.log(5.0))))
            a = float(ndtri(rng.uniform(0.1, 0.9)) * np.sqrt(1.0 + b * b))
        inflation = float(rng.uniform(0.05, 0.7)) if rng.random() < 0.3 else 0.0

        def sample(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            s = rng.standard_normal((n, 1))
            y = rng.poisson(np.exp(a + b * s)) if kind == "poisson" else rng.binomial(trials, ndtr(a + b * s))
            if inflation:
                y = np.where(rng.random((n, 1)) < inflation, 0, y)
            return s, y.astype(np.float64)

        parameters = {"kind": kind, "a": a, "b": b, "inflation": inflation}
        if kind == "binomial":
            parameters["trials"] = trials
        mi = count_mi(kind, a, b, trials, inflation)
        return respond(rng, dx, dy, random_swap(rng, dx, dy), mi, sample, parameters)
