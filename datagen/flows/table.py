"""A flow learned from the columns of a user's file, and checked on rows that it never saw."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mutualist.datagen.flows.columns import read_columns, rounded, rounding, unrounded
from mutualist.datagen.flows.fit import BATCH, LAYERS, STEPS, FittedFlow, fit_flow
from mutualist.datagen.flows.two_sample import two_sample_auc
from mutualist.errors import InputError

TEST_SHARE = 0.2
LEAST_ROWS = 80
# Of synthetic rows the check may have as many as it likes; more than real ones make its figure steadier.
SYNTHETIC_ROWS = 4000


def fit_table(
    path: Path,
    columns: Sequence[str],
    seed: int,
    layers: int = LAYERS,
    steps: int = STEPS,
    batch: int = BATCH,
    on_step: Callable[[int, float], None] = lambda step, best: None,
) -> FittedFlow:
    """Fits a flow to four fifths of the rows of a table, and checks it on the rest.

    A rounded column is spread over the intervals that its values stand for, for a flow has a density; in the check,
    synthetic rows are rounded as the table's are, so that the classifier does not merely count decimals.

    `facts` of the flow hold: rows (fitted, tested), rounding, `test_likelihood` (mean log density of the rows tested,
    nats per row) of the flow and of a normal distribution, `auc` and its standard error for the flow, and for the
    normal distribution the same, as a measure of how much there was to learn; `round_trip`, the largest error of noise
    → rows → noise.

    Raises:
        InputError, DataError: the table cannot be used; the message says which column and why.
    """
    values = read_columns(path, columns)
    if len(values) < LEAST_ROWS or values.shape[1] < 2:
        raise InputError(
            f"{path}: a flow needs at least {LEAST_ROWS} rows and 2 columns, got {len(values)} and {values.shape[1]}"
        )
    for name, column in zip(columns, values.T, strict=True):
        if np.ptp(column) == 0:
            raise InputError(f"column {name!r} of {path} is constant; leave it out")
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(values))
    cut = round(TEST_SHARE * len(values))
    test, train = values[order[:cut]], values[order[cut:]]
    grid = rounding(values)
    smooth = unrounded(train, grid, rng)
    fitted = fit_flow(smooth, rng, tuple(columns), layers, steps, batch, on_step=on_step)

    mean, factor = smooth.mean(axis=0), np.linalg.cholesky(np.cov(smooth.T))
    noise = rng.standard_normal((len(train) + SYNTHETIC_ROWS, len(mean)))
    rows = fitted.from_noise(noise)
    tables = {"flow": rows, "normal": mean + noise @ factor.T}
    check_seed = int(rng.integers(2**32))
    scores = {}
    for name, table in tables.items():
        made = rounded(table, grid)
        halves = made[: len(train)], made[len(train) :]
        scores[name] = two_sample_auc((train, test), halves, np.random.default_rng(check_seed))
    tested = unrounded(test, grid, rng)
    whitened = np.linalg.solve(factor, (tested - mean).T)
    constant = np.log(np.diag(factor)).sum() + 0.5 * len(mean) * np.log(2 * np.pi)
    normal = -0.5 * (whitened**2).sum(axis=0).mean() - constant
    facts = {
        "seed": seed,
        "rows": {"fitted": len(train), "tested": len(test)},
        "rounding": grid.tolist(),
        "test_likelihood": {"flow": float(fitted.log_density(tested).mean()), "normal": float(normal)},
        "auc": {name: {"value": s.value, "stderr": s.stderr} for name, s in scores.items()},
        "round_trip": float(np.abs(fitted.to_noise(rows) - noise).max()),
    }
    return replace(fitted, facts=facts)
