"""MI as a Monte Carlo mean of ln p(x, y) / (p(x) p(y)) from exact densities, with its standard error. In nats."""

from collections.abc import Callable

import numpy as np

from mutualist.datagen.interface import Array

MOST_DRAWS = 200_000
WEAK = 2.0


def allowed_stderr(mi: float) -> float:
    """The largest standard error that a label of `mi` nats may have."""
    return max(0.01, 0.02 * mi)


def monte_carlo_information(
    draw: Callable[[int], tuple[Array, list[Array]]], first: int = 2000, goal: float = 0.9, log_ratio: bool = True
) -> tuple[float, float]:
    """The mean of a statistic and its standard error, from as many draws as `allowed_stderr` asks for.

    Args:
        draw: gives n independent values s of the statistic and control variates of mean 0 with light tails.
        first: draws in the first round.
        goal: the part of the allowed standard error to aim at.
        log_ratio: whether s is ln p(x, y) / (p(x) p(y)) itself. Then exp(-s) has mean 1, which for weak dependence is
            an almost perfect control. For strong dependence its tail is too heavy for any use, and dropping it after
            a look at the data would bias the mean by what was not seen: see `weak_control`.
    """
    s, controls = draw(first)
    while True:
        mean, stderr = regress_controls(s, [*controls, *weak_control(s)] if log_ratio else controls)
        allowed, total = goal * allowed_stderr(mean), len(s)
        if stderr <= allowed or total >= MOST_DRAWS:
            return max(mean, 0.0), stderr
        more = int(np.clip(total * ((stderr / allowed) ** 2 * 1.15 - 1), 500, min(4 * total, MOST_DRAWS - total)))
        new_s, new_controls = draw(more)
        s = np.concatenate([s, new_s])
        controls = [np.concatenate(pair) for pair in zip(controls, new_controls, strict=True)]


def weak_control(s: Array) -> list[Array]:
    """exp(-s) - 1 where it can serve as a control variate, else nothing.

    It can where no value of |s| exceeds ln WEAK and its mean agrees with 0. Where the density ratio is nearly constant
    but for rare rows of great weight (clusters well apart) no such row may be in the sample: then its mean is far
    from 0, and a regression on it would answer anything.
    """
    if np.abs(s).max() > np.log(WEAK):
        return []
    control = np.exp(-s) - 1
    return [control] if abs(control.mean()) < 4 * control.std() / np.sqrt(len(s)) else []


def regress_controls(s: Array, controls: list[Array]) -> tuple[float, float]:
    """Mean of s given control variates of mean 0, by least squares, and its standard error."""
    n = len(s)
    used = [c for c in controls if np.ptp(c) > 1e-9]  # else the regression is singular
    if not used:
        return float(s.mean()), float(s.std(ddof=1) / np.sqrt(n))
    design = np.stack([np.ones(n), *used], axis=1)
    inverse = np.linalg.inv(design.T @ design)
    solution = inverse @ (design.T @ s)
    rest = s - design @ solution
    return float(solution[0]), float(np.sqrt(rest @ rest / (n - design.shape[1]) * inverse[0, 0]))


def log_sum_exp(a: Array) -> Array:
    """ln sum exp over the first axis; overwrites `a`."""
    top = a.max(axis=0)
    a -= top
    np.exp(a, out=a)
    return np.asarray(top + np.log(a.sum(axis=0)))
