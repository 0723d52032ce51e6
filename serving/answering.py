"""Results of the estimator as the service answers them."""

from collections.abc import Mapping, Sequence
from typing import Any

from mutualist.result import PairwiseEstimates, unit_factor, with_names
from mutualist.serving.schemas.requests import TableOptions


def pairwise_answer(result: PairwiseEstimates, options: TableOptions, notes: Sequence[str]) -> dict[str, Any]:
    """What `PairwiseResponse` describes; matrices are arrays, with NaN for null."""
    factor = unit_factor(options.unit)
    low, high = result.interval(options.level)
    by_text: dict[str, list[tuple[int, int]]] = {}
    by_place: dict[tuple[int, str], list[tuple[int, int]]] = {}  # the first of each pair come first, then the second
    for pair, texts in result.warnings.items():
        for place, text in enumerate(texts):
            by_text.setdefault(with_names(text, *([result.names[i]] for i in pair)), []).append(pair)
            by_place.setdefault((place, text), []).append(pair)
    return {
        "unit": options.unit,
        "level": options.level,
        "n": result.n,
        "names": list(result.names),
        "mi": result.mi * factor,
        "low": low * factor,
        "high": high * factor,
        "quantiles": [{"level": at, "values": result.quantile(at) * factor} for at in options.quantiles],
        "warnings": [*notes, *_said(by_text, result.names)],
        "pair_warnings": [{"warning": text, "pairs": pairs} for (_, text), pairs in sorted(by_place.items())],
        "model": dict(result.model),
    }


def _said(by_text: Mapping[str, Sequence[tuple[int, int]]], names: Sequence[str]) -> list[str]:
    """Each warning once: as it is if it holds for all pairs, else with how many and one of them."""
    every = len(names) * (len(names) - 1) // 2
    lines = []
    for text, pairs in by_text.items():
        i, j = pairs[0]
        of = f"{len(pairs)} of {every} pairs, such as {names[i]} and {names[j]}: "
        lines.append(text if len(pairs) == every else of + text)
    return lines


def coverage(metrics: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Coverage by n and by d out of the metrics of the weights, whose groups are called "n 30-100" or "d > 32"."""
    groups = metrics.get("after", {})
    return {
        axis: [
            {
                "range": name.removeprefix(f"{axis} "),
                "records": int(found["records"]),
                "cover50": found["cover50"],
                "cover90": found["cover90"],
            }
            for name, found in groups.items()
            if name.startswith(f"{axis} ")
        ]
        for axis in ("n", "d")
    }
