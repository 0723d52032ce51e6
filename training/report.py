"""Coverage and accuracy of calibrated answers, by bands: the table that calibration prints and an export carries."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mutualist.models.calibration import Calibration
from mutualist.models.quantiles import interpolate
from mutualist.training.predict import Answers

_N = ((0, 30), (30, 100), (100, 300), (300, 1000), (1000, 5000), (5000, 10**9))
_D = ((0, 2), (2, 4), (4, 8), (8, 16), (16, 32), (32, 10**9))
_MI = ((0.0, 0.02), (0.02, 0.1), (0.1, 0.5), (0.5, 2.0), (2.0, 8.0), (8.0, np.inf))
_ALPHA = 0.1


def table(answers: Answers, calibration: Calibration) -> dict[str, dict[str, float]]:
    """Scores of calibrated answers: for all records, in bands of n, d and MI, by family. Empty bands are left out.

    Each row: records; mae, mse and bias of the median; cover50, cover90; width90; score90, the interval score of the
    90 % interval (Gneiting and Raftery, 2007; lower is better); pinball, the mean over the answer's levels. The row of
    independent records also holds false_alarms: the share whose 90 % interval begins above 0.01 nats. All in nats.
    """
    values = calibration.apply(answers.quantiles, answers.n, answers.dx, answers.dy, answers.tied)
    d, truth = answers.dx + answers.dy, answers.truth
    groups: dict[str, NDArray[np.bool_]] = {"all": np.ones(len(answers), bool), "MI = 0": truth == 0}
    groups |= {f"n {_name(a, b)}": (answers.n > a) & (answers.n <= b) for a, b in _N}
    groups |= {f"d {_name(a, b)}": (d > a) & (d <= b) for a, b in _D}
    groups |= {f"MI {_name(a, b)}": (truth > a) & (truth <= b) for a, b in _MI}
    groups |= {f"family {name}": answers.family == name for name in sorted(set(answers.family.tolist()))}
    return {
        name: _row(answers.levels, values[chosen], truth[chosen], independent=name == "MI = 0")
        for name, chosen in groups.items()
        if chosen.any()
    }


def errors(answers: Answers, calibration: Calibration) -> NDArray[np.float64]:
    """Absolute errors (R,) of the calibrated medians, nats."""
    values = calibration.apply(answers.quantiles, answers.n, answers.dx, answers.dy, answers.tied)
    return np.abs(interpolate(answers.levels, values, [0.5])[:, 0] - answers.truth)


def _row(
    levels: NDArray[np.float64], values: NDArray[np.float64], truth: NDArray[np.float64], independent: bool
) -> dict[str, float]:
    low, quarter, median, three_quarters, high = interpolate(levels, values, [0.05, 0.25, 0.5, 0.75, 0.95]).T
    gap = truth[:, None] - values
    below, above = np.maximum(low - truth, 0.0), np.maximum(truth - high, 0.0)
    row = {
        "records": len(truth),
        "mae": np.abs(median - truth).mean(),
        "mse": ((median - truth) ** 2).mean(),
        "bias": (median - truth).mean(),
        "cover50": ((truth >= quarter) & (truth <= three_quarters)).mean(),
        "cover90": ((truth >= low) & (truth <= high)).mean(),
        "width90": (high - low).mean(),
        "score90": (high - low + 2 / _ALPHA * (below + above)).mean(),
        "pinball": np.maximum(levels * gap, (levels - 1) * gap).mean(),
    }
    if independent:
        row["false_alarms"] = (low > 0.01).mean()
    return {key: round(float(value), 5) for key, value in row.items()}


def _name(low: float, high: float) -> str:
    return f"> {low:g}" if high >= 10**9 else f"{low:g}-{high:g}"


def lines(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> list[list[str]]:
    """Rows of text: band, records, cover50, cover90, width90, mae, false alarms, each 'before → after'."""

    def change(name: str, key: str, digits: int) -> str:
        if key not in after[name]:
            return ""
        return f"{before[name][key]:.{digits}f} → {after[name][key]:.{digits}f}"

    return [
        [
            name,
            f"{after[name]['records']:,.0f}",
            change(name, "cover50", 3),
            change(name, "cover90", 3),
            change(name, "width90", 3),
            change(name, "mae", 3),
            change(name, "false_alarms", 3),
        ]
        for name in after
    ]
