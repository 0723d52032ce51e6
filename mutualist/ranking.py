"""Each column of a table against one target: what `mutualist rank` answers."""

from typing import TYPE_CHECKING, Any

from mutualist.errors import InputError
from mutualist.factory import Estimator
from mutualist.result import with_names

if TYPE_CHECKING:
    from mutualist.columns import NumericTable


def rank_columns(
    estimator: Estimator, table: "NumericTable", target: str, unit: str = "nats", level: float = 0.9
) -> dict[str, Any]:
    """Estimates the mutual information of every other column with the target, from the same rows.

    Args:
        estimator: makes the estimates.
        table: the target and at least one other column, without missing values.
        target: name of the target.
        unit: "nats" or "bits".
        level: probability of the intervals.

    Returns:
        A JSON-serialisable answer: target, unit, level, n, and under "columns", the most informative first, the answer
        of `MIEstimate.to_dict` for each column with its name under "column"; warnings about the table.

    Raises:
        InputError: the table has no column but the target.
    """
    others = [name for name in table.names if name != target]
    if not others:
        raise InputError(
            f"the table has no usable column but the target {target!r}; at least one more is needed{table.why()}"
        )
    y = table.columns([target])
    results = estimator.estimate_batch([(table.columns([name]), y) for name in others])
    rows = [{"column": name, **result.to_dict(unit, level)} for name, result in zip(others, results, strict=True)]
    for row in rows:
        row["warnings"] = [with_names(text, [row["column"]], [target]) for text in row["warnings"]]
    return {
        "target": target,
        "unit": unit,
        "level": level,
        "n": len(table.values),
        "columns": sorted(rows, key=lambda row: -row["mi"]),
        "warnings": table.notes(),
    }
