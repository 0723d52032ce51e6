"""The example tables are the ones that ship with scikit-learn."""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_diabetes, load_wine

from mutualist.tables import column_names, read_table

EXAMPLES = Path(__file__).parents[2] / "data" / "examples"


def test_diabetes_is_unchanged() -> None:
    source = load_diabetes(scaled=False)
    table = read_table(EXAMPLES / "diabetes.csv")
    assert table.names[-1] == "progression"
    np.testing.assert_array_equal(table.values, np.column_stack([source.data, source.target]))


def test_wine_is_unchanged() -> None:
    source = load_wine()
    assert column_names(EXAMPLES / "wine.csv") == [*source.feature_names, "class"]
    table = read_table(EXAMPLES / "wine.csv")
    np.testing.assert_array_equal(table.values, np.column_stack([source.data, source.target]))
