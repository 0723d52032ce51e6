"""What benchmarks of accuracy say of a group of samples."""

import numpy as np
from numpy.typing import ArrayLike

HEADINGS = "MI", "MAE", "bias", "90 % interval covers", "its width"


def figures(mi: ArrayLike, answers: ArrayLike, **others: ArrayLike) -> dict[str, float]:
    """Mean MI, errors in nats, coverage and width of intervals, and the errors of other estimators by name.

    Args:
        mi: (samples,) the truth.
        answers: (samples, 3) point estimate, lower and upper end of the 90 % interval.
        others: (samples,) point estimates each; a negative one counts as 0.
    """
    truth = np.asarray(mi, float)
    point, low, high = np.asarray(answers, float).T
    found = {
        "mi": truth.mean(),
        "mae": np.abs(point - truth).mean(),
        "bias": (point - truth).mean(),
        "cover90": ((low <= truth) & (truth <= high)).mean(),
        "width90": (high - low).mean(),
    }
    for name, estimates in others.items():
        found[f"{name}_mae"] = np.abs(np.maximum(np.asarray(estimates, float), 0.0) - truth).mean()
    return {name: float(value) for name, value in found.items()}
