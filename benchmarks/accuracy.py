#!/usr/bin/env python3
"""How good the bundled weights are beside other estimators, on samples made for this purpose.

    python benchmarks/accuracy.py                      a quick look (a minute or two)
    make accuracy                                      the figures of the README and of docs/accuracy.md, made again

Two splits are made, with a seed of their own: `test` follows the configuration `cpu`, from which the bundled weights
learn; `unseen` holds families and correlation structures that it does not name. `mutualist bench` then asks every
method about the same records. Ends with one JSON line: the scores of each method on each split.
"""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from mutualist import factory
from mutualist.bench.command import ask, chosen_methods, versions, write
from mutualist.bench.data import find_suites
from mutualist.bench.methods import OURS
from mutualist.bench.pictures import draw_families, draw_suite
from mutualist.bench.scores import report
from mutualist.bench.show import show_suite
from mutualist.datagen.config import load_config, parse_config
from mutualist.datagen.pipeline import make_dataset

ROOT = Path(__file__).resolve().parents[1]
SEED = 20251124  # of no configuration
NAMES = {"test": "test", "test_ood": "unseen"}
UNSEEN: dict[str, Any] = {
    "name": "unseen",
    "n": [{"low": 10, "high": 500, "weight": 0.75}, {"low": 500, "high": 5000, "weight": 0.25}],
    "dims": [
        {"dx": 1, "dy": 1, "weight": 0.3},
        {"dx": {"low": 1, "high": 6}, "dy": {"low": 1, "high": 6}, "weight": 0.5},
        {"dx": {"low": 1, "high": 16}, "dy": {"low": 1, "high": 16}, "weight": 0.2},
    ],
    "swap": 0.5,
    "components": [
        {"family": "dirichlet"},
        {"family": "order-statistics"},
        *(
            {"family": f"multivariate-{law}", "options": {"structure": structure}}
            for law in ("normal", "student")
            for structure in ("chain", "graph")
        ),
    ],
    "transforms": [{"name": "columns", "probability": 0.3}],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=120, help="of the split test")
    parser.add_argument("--unseen", type=int, default=60, help="records of the split unseen")
    parser.add_argument("--subset", type=int, default=6, help="records for slow methods")
    parser.add_argument("--resamples", type=int, default=30, help="of each bootstrap")
    parser.add_argument("--weights", type=Path, help="folder of an export instead of the bundled weights")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "accuracy", help="folder for data and scores")
    parser.add_argument("--publish", action="store_true", help="write tables and pictures into README.md and docs/")
    args = parser.parse_args()
    estimator = factory.load_estimator(args.weights)
    check_unseen(estimator.info["meta_distribution"].get("families", {}))
    data = args.out / f"data-{args.records}-{args.unseen}"
    make_dataset(configuration(args.records, args.unseen), data, workers=1)
    methods = chosen_methods(estimator, None, args.resamples)
    answers = ask(find_suites([data], list(NAMES)), methods, None, args.subset, 0)
    result: dict[str, Any] = {
        "settings": {key: getattr(args, key) for key in ("records", "unseen", "subset", "resamples")} | {"seed": SEED},
        "model": {key: estimator.info[key] for key in ("name", "version")},
        "versions": versions(),
        "suites": {NAMES[one.suite]: report(one) for one in answers},
    }
    write(args.out, result, answers)
    for name, scores in result["suites"].items():
        show_suite(Console(), name, scores, ["n", "d", "mi", "family"])
    if args.publish:
        publish(result)
    print(json.dumps({name: one["methods"] for name, one in result["suites"].items()}))


def configuration(records: int, unseen: int) -> Any:
    """The configuration `cpu` with other splits, another seed and one more part."""
    values = load_config("cpu").model_dump(mode="json")
    known = [part["name"] for part in values["parts"]]
    values["seed"], values["shard_records"] = SEED, 100
    values["splits"] = {
        "test": {"records": records, "parts": known},
        "test_ood": {"records": unseen, "parts": ["unseen"]},
    }
    values["parts"].append(UNSEEN)
    return parse_config(values)


def check_unseen(trained: dict[str, Any]) -> None:
    """Stops where a family that should be new is among those that the weights learned from."""
    new = {one["family"] for one in UNSEEN["components"]} - {"multivariate-normal", "multivariate-student"}
    if seen := sorted(new & set(trained)):
        sys.exit(f"these weights learned from {', '.join(seen)}: take them out of UNSEEN in {__file__}")


def publish(result: dict[str, Any]) -> None:
    """Rewrites what lies between the marks in README.md and docs/accuracy.md, and the pictures."""
    test, unseen = (result["suites"][name] for name in ("test", "unseen"))
    pictures = ROOT / "docs" / "images"
    draw_suite("Test split", test, pictures / "accuracy.png")
    draw_suite("Unseen families", unseen, pictures / "accuracy-unseen.png")
    draw_families("Test split", test, pictures / "accuracy-families.png")
    replace(ROOT / "README.md", "accuracy", summary(result))
    whole = "\n\n".join(details(name, result["suites"][name]) for name in NAMES.values())
    replace(ROOT / "docs" / "accuracy.md", "tables", whole)


def replace(path: Path, mark: str, text: str) -> None:
    """Puts `text` between <!-- mark --> and <!-- /mark -->."""
    before = path.read_text(encoding="utf-8")
    pattern = rf"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)"
    if len(re.findall(pattern, before, re.DOTALL)) != 1:
        sys.exit(f"{path} must hold <!-- {mark} --> and <!-- /{mark} --> once")
    path.write_text(re.sub(pattern, lambda m: f"{m[1]}{text}\n{m[2]}", before, flags=re.DOTALL), encoding="utf-8")


def summary(result: dict[str, Any]) -> str:
    """The README's table: each method on both splits, and where we lose."""
    test, unseen = (result["suites"][name] for name in ("test", "unseen"))
    head = [
        "", f"test: MAE ({test['records']:,} records)", "ours there", "90 % interval holds", "interval score",
        f"unseen: MAE ({unseen['records']:,})", "ours there", "ms",
    ]  # fmt: skip
    rows = []
    for name in test["methods"]:
        a, b = test["methods"][name], unseen["methods"][name]
        interval = test["intervals"].get(name)
        bold = "**" if name == OURS else ""
        rows.append(
            [
                f"{bold}{LABELS[name]}{bold}",
                *pair(a, bold),
                f"{100 * interval['cover']:.0f} %" if interval else "",
                f"{interval['score']:.2f}" if interval else "",
                *pair(b, bold),
                f"{a['ms']:,.0f}" if a.get("ms", 0) >= 10 else f"{a['ms']:.1f}" if "ms" in a else "",
            ]
        )
    return "\n".join([markdown(head, rows), "", where("On test", test), where("On unseen families", unseen)])


LABELS = {
    OURS: "mutualist", "ksg": "nearest neighbours (KSG)", "sklearn": "scikit-learn (1 + 1 columns)",
    "copula": "Gaussian copula", "cca": "canonical correlations", "ksg-bootstrap": "KSG with half-samples",
    "copula-bootstrap": "Gaussian copula with bootstrap", "mine": "MINE, trained for each pair",
    "infonce": "InfoNCE, trained for each pair",
}  # fmt: skip


def where(head: str, scores: dict[str, Any]) -> str:
    """A sentence on the groups in which a peer is better; of each group, the peer that is better by most."""
    best: dict[tuple[str, str], dict[str, Any]] = {}
    for row in scores["losses"]:
        best.setdefault((row["by"], row["group"]), row)
    lost = [
        f"{group_name(row)} ({LABELS[row['method']]} {row['mae']:.3f}, ours {row['ours_mae']:.3f}, "
        f"{row['records']:,} records)"
        for row in best.values()
    ]
    if not lost:
        return f"{head}, no peer is better by two standard errors in any band of n, d or MI, nor in any family."
    more = f"; and {len(lost) - 6} more" if len(lost) > 6 else ""
    return f"{head}, a peer's mean absolute error is lower by two standard errors in: {'; '.join(lost[:6])}{more}."


def pair(row: dict[str, Any], bold: str) -> list[str]:
    """Its mean absolute error with the number of records if not all, and ours on the same."""
    if not row["records"]:
        return ["", ""]
    return [f"{bold}{row['mae']:.3f}{bold}", f"{row['ours_mae']:.3f} ({row['records']:,})" if "ours_mae" in row else ""]


def group_name(row: dict[str, Any]) -> str:
    by = {"all": "", "family": "", "mi": "MI "}.get(row["by"], f"{row['by']} ")
    return "all records" if row["by"] == "all" else f"{by}{row['group']}"


def details(name: str, scores: dict[str, Any]) -> str:
    """All tables of a split."""
    parts = [f"## {name}: {scores['records']:,} records"]
    keys = ("mse", "mae", "bias", "pinball", "ms", "ours_mse", "ours_mae")
    rows = [
        [LABELS[m], f"{row['records']:,}", *(number(row.get(key)) for key in keys)]
        for m, row in scores["methods"].items()
    ]
    head = ["method", "records", "MSE", "MAE", "bias", "pinball", "ms", "our MSE there", "our MAE there"]
    parts.append(markdown(head, rows))
    if scores["intervals"]:
        records = next(iter(scores["intervals"].values()))["records"]
        rows = [
            [LABELS[m], *(number(row[key]) for key in ("cover", "width", "score", "false_alarms"))]
            for m, row in scores["intervals"].items()
        ]
        head = [f"90 % intervals, {records:,} records", "coverage", "width", "interval score", "false alarms"]
        parts.append(markdown(head, rows))
    for by, title in (("n", "n"), ("d", "d = dx + dy"), ("mi", "MI, nats"), ("family", "family")):
        shown = [m for m in scores["methods"] if any(m in rows for rows in scores["by"][by].values())]
        rows = []
        for band, ours in scores["ours"][by].items():
            beside = scores["by"][by][band]
            common = f"{beside[OURS]['records']:,}" if beside else "0"
            errors = [number(beside[m]["mae"]) if m in beside else "" for m in shown]
            own = [f"{ours['records']:,}", *(number(ours[key]) for key in ("mae", "bias", "cover", "score"))]
            rows.append([band, *own, common, *errors])
        head = [title, "records", "our MAE", "bias", "coverage", "interval score", "common records: MAE of", *shown]
        parts.append(markdown(head, rows))
    rows = [
        [group_name(row), LABELS[row["method"]], f"{row['records']:,}", number(row["mae"]), number(row["ours_mae"])]
        for row in scores["losses"]
    ]
    if rows:
        parts.append(markdown(["where a peer is better", "by", "records", "its MAE", "our MAE"], rows))
    return "\n\n".join(parts)


def number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3f}"


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """A table; the first column to the left, the others to the right."""
    line = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, line, *rows])


if __name__ == "__main__":
    main()
