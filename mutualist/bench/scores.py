"""Scores of answers: overall, in bands, and where another method is better than ours."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mutualist.bench.methods import LEVELS, OURS, SLOW
from mutualist.bench.run import Answers

Mask = NDArray[np.bool_]
Array = NDArray[np.float64]

N_BANDS = ((0, 30), (30, 100), (100, 300), (300, 1000), (1000, np.inf))
D_BANDS = ((0, 2), (2, 4), (4, 8), (8, 16), (16, 32), (32, np.inf))
MI_BANDS = ((-1, 0), (0, 0.1), (0.1, 0.5), (0.5, 2), (2, 8), (8, np.inf))  # nats; the first is exact independence
ALPHA = 0.1
FEW = 20  # comparisons need as many common records
FALSE_ALARM = 0.01  # nats


def groups(answers: Answers) -> dict[str, dict[str, Mask]]:
    """Bands of n, of d = dx + dy and of MI (upper ends belong to them), and families: those that have records."""
    d = answers.dx + answers.dy
    found = {
        "n": {_name(low, high): (answers.n > low) & (answers.n <= high) for low, high in N_BANDS},
        "d": {_name(low, high): (d > low) & (d <= high) for low, high in D_BANDS},
        "mi": {_name(low, high): (answers.truth > low) & (answers.truth <= high) for low, high in MI_BANDS},
        "family": {name: answers.family == name for name in sorted(set(answers.family.tolist()))},
    }
    return {by: {name: mask for name, mask in bands.items() if mask.any()} for by, bands in found.items()}


def _name(low: float, high: float) -> str:
    if low < 0:
        return "0"
    return f"> {low:g}" if np.isinf(high) else f"to {high:g}" if low == 0 else f"{low:g} to {high:g}"


def report(answers: Answers) -> dict[str, Any]:
    """Everything, JSON-serialisable, nats unless said otherwise.

    records; under "methods" the accuracy of each (see `accuracy`); "intervals" those of the methods that have some, on
    the records that all of them answered; "ours" our accuracy and intervals in bands of n, d, mi and by family; "by"
    the accuracies there of all that can be set side by side (see `side_by_side`), "intervals_by" the intervals;
    "losses" the groups in which a peer is better (see `losses`).
    """
    everything = np.ones(len(answers), bool)
    bands = groups(answers)
    ours = [name for name in answers.intervals if name == OURS]
    return {
        "records": len(answers),
        "methods": {name: accuracy(answers, name, everything) for name in answers.quantiles},
        "intervals": intervals(answers, everything, answers.intervals),
        "ours": {
            by: {
                band: accuracy(answers, OURS, mask) | intervals(answers, mask, ours).get(OURS, {})
                for band, mask in masks.items()
            }
            for by, masks in bands.items()
            if ours
        },
        "by": {by: {band: side_by_side(answers, mask) for band, mask in masks.items()} for by, masks in bands.items()},
        "intervals_by": {
            by: {band: intervals(answers, mask, answers.intervals) for band, mask in masks.items()}
            for by, masks in bands.items()
        },
        "losses": losses(answers),
    }


def side_by_side(answers: Answers, mask: Mask) -> dict[str, dict[str, Any]]:
    """Accuracies on one and the same set of records, of every method that answered all of it.

    The set: what all methods answered that answered at least half of the whole suite. A method for few of the records
    (scikit-learn's for pairs of columns) stands beside the others only where it answered all that they did.
    """
    general = [name for name in answers.quantiles if answers.answered(name).mean() >= 0.5]
    for name in general or answers.quantiles:
        mask = mask & answers.answered(name)
    if not mask.any():
        return {}
    able = [name for name in answers.quantiles if name in general or name not in SLOW]
    whole = [name for name in able if not (mask & ~answers.answered(name)).any()]
    return {name: accuracy(answers, name, mask) for name in whole}


def accuracy(answers: Answers, name: str, mask: Mask) -> dict[str, Any]:
    """records answered; mse, mae and bias of the median; pinball, the mean over the five levels, in which a point
    estimate stands for all of them; ms for an answer; ours_mse and ours_mae, our errors on those that we answered."""
    mask = mask & answers.answered(name)
    row: dict[str, Any] = {"records": int(mask.sum())}
    if not row["records"]:
        return row
    row |= _errors(answers.quantiles[name][mask], answers.truth[mask])
    row["ms"] = 1e3 * float(answers.seconds[name][mask].mean())
    if name != OURS and OURS in answers.quantiles and (mask := mask & answers.answered(OURS)).any():
        same = _errors(answers.quantiles[OURS][mask], answers.truth[mask])
        row |= {"ours_mse": same["mse"], "ours_mae": same["mae"]}
    return row


def _errors(quantiles: Array, truth: Array) -> dict[str, float]:
    error = quantiles[:, len(LEVELS) // 2] - truth
    gap = truth[:, None] - quantiles
    return {
        "mse": float((error**2).mean()),
        "mae": float(np.abs(error).mean()),
        "bias": float(error.mean()),
        "pinball": float(np.maximum(LEVELS * gap, (LEVELS - 1) * gap).mean()),
    }


def intervals(answers: Answers, mask: Mask, methods: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Of each of these methods, on the records that all of them answered: how good its 90 % interval is.

    cover: the share of true values inside; width; score: the interval score of Winkler (1972), width plus 2 / 0.1 times
    the distance to a true value outside (Gneiting and Raftery, 2007, equation 43; lower is better); false_alarms: where
    X and Y are independent, the share of lower ends above 0.01 nats (None without such records).
    """
    for name in methods:
        mask = mask & answers.answered(name)
    if not mask.any():
        return {}
    truth = answers.truth[mask]
    rows = {}
    for name in methods:
        low, high = answers.quantiles[name][mask][:, 0], answers.quantiles[name][mask][:, -1]
        outside = np.maximum(low - truth, 0.0) + np.maximum(truth - high, 0.0)
        independent = truth == 0
        rows[name] = {
            "records": int(mask.sum()),
            "cover": float(((truth >= low) & (truth <= high)).mean()),
            "width": float((high - low).mean()),
            "score": float((high - low + 2 / ALPHA * outside).mean()),
            "false_alarms": float((low[independent] > FALSE_ALARM).mean()) if independent.any() else None,
        }
    return rows


def losses(answers: Answers) -> list[dict[str, Any]]:
    """Groups of at least 20 common records in which a peer's mean absolute error is below ours by more than two
    standard errors of the difference: by, group, method, records, its mae, ours. The largest difference first."""
    if OURS not in answers.quantiles:
        return []
    middle = len(LEVELS) // 2
    error = {name: np.abs(values[:, middle] - answers.truth) for name, values in answers.quantiles.items()}
    found = []
    for by, bands in {"all": {"all": np.ones(len(answers), bool)}, **groups(answers)}.items():
        for band, mask in bands.items():
            for name in answers.quantiles:
                common = mask & answers.answered(name) & answers.answered(OURS)
                if name == OURS or common.sum() < FEW:
                    continue
                difference = error[OURS][common] - error[name][common]
                if difference.mean() > 2 * difference.std(ddof=1) / np.sqrt(len(difference)):
                    found.append(
                        {
                            "by": by,
                            "group": band,
                            "method": name,
                            "records": len(difference),
                            "mae": float(error[name][common].mean()),
                            "ours_mae": float(error[OURS][common].mean()),
                        }
                    )
    return sorted(found, key=lambda row: row["mae"] - row["ours_mae"])
