"""Requests that work when pasted; the tests send each of them."""

from typing import Any

_X = [0.2, 1.1, -0.7, 2.3, 0.5, -1.4, 0.9, 1.8, -0.3, -2.1, 0.1, 1.5, -0.9, 0.7, -1.2, 2.0, 0.4, -0.5, 1.3, -1.7]
_Y = [0.4, 0.8, -0.9, 1.9, 0.1, -1.1, 1.3, 1.2, 0.3, -2.4, -0.5, 1.9, -0.4, 0.2, -1.6, 2.2, 0.9, -0.1, 0.6, -1.3]
_Z = [[a, b] for a, b in zip(_X, _X[::-1], strict=True)]
_COLUMNS = {"height": _X, "weight": _Y, "age": _X[::-1]}

Examples = dict[str, dict[str, Any]]

ESTIMATE: Examples = {
    "one column each": {"summary": "One column each: 20 rows", "value": {"x": _X, "y": _Y}},
    "two columns against one": {
        "summary": "Two columns against one, in bits, with a 50% interval",
        "value": {"x": _Z, "y": _Y, "level": 0.5, "unit": "bits", "quantiles": [0.25, 0.5, 0.75]},
    },
}
BATCH: Examples = {
    "unlike shapes": {
        "summary": "Three pairs of unlike shapes",
        "value": {"pairs": [{"x": _X, "y": _Y}, {"x": _Z, "y": _Y}, {"x": _X[:10], "y": _Y[:10]}], "unit": "bits"},
    },
}
TABLE_ESTIMATE: Examples = {
    "two columns against one": {
        "summary": "How much do age and weight tell about height?",
        "value": {"columns": _COLUMNS, "x": ["age", "weight"], "y": ["height"]},
    },
}
PAIRWISE: Examples = {
    "three columns": {"summary": "All pairs of three columns", "value": {"columns": _COLUMNS, "unit": "bits"}},
    "gaps": {
        "summary": "Rows with gaps are left out",
        "value": {"columns": {**_COLUMNS, "dose": [None, *_Y[1:]]}, "nan_policy": "omit", "quantiles": [0.25, 0.75]},
    },
}
CSV = "height,weight,age\n" + "".join(f"{a},{b},{c}\n" for a, b, c in zip(_X, _Y, _X[::-1], strict=True))
