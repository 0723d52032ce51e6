"""Draws training.png: how the validation loss of a run fell, as its own log says.

python docs/images/training.py RUN/metrics/version_*/metrics.csv docs/images/training.png
"""

import argparse
import csv
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

BANDS = {"0-100": "n to 100", "100-300": "100 to 300", "300-500": "300 to 500", "500-": "above 500"}


def column(rows: list[dict[str, str]], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps and values of a logged quantity, where it was logged."""
    found = [(float(row["step"]), float(row[name])) for row in rows if row.get(name)]
    steps, values = np.array(found).T
    return steps, values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log", type=Path, nargs="+", help="in order, if the run was resumed")
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    rows = []
    for log in args.log:
        with log.open(encoding="utf-8") as file:
            rows += list(csv.DictReader(file))
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(*column(rows, "val/pinball"), "o-", ms=3, color="#0072B2")
    left.set(xlabel="steps", ylabel="validation: pinball loss, nats")
    for (band, label), colour in zip(BANDS.items(), ("#0072B2", "#009E73", "#E69F00", "#CC79A7"), strict=True):
        right.plot(*column(rows, f"val/mae_n/{band}"), color=colour, label=label)
    right.set(xlabel="steps", ylabel="validation: mean absolute error, nats", yscale="log")
    figure.legend(*right.get_legend_handles_labels(), frameon=False, title="rows", loc="outside right center")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    FigureCanvasAgg(figure).print_figure(str(args.out), dpi=130)


if __name__ == "__main__":
    main()
