"""All pairs of columns on the page: the heat map, by mouse and by choice, and what is saved of it."""

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from mutualist import MutualInfoEstimator
from mutualist.tables import read_table

DIABETES = Path(__file__).parents[3] / "data" / "examples" / "diabetes.csv"
Visited = Callable[..., Any]


def test_all_pairs_with_intervals_and_downloads(visit_page: Visited, local: MutualInfoEstimator) -> None:
    visit = visit_page()
    page = visit.page
    page.get_by_role("button", name="Diabetes").click()
    visit.answer()
    visit.compare()
    table = read_table(DIABETES)
    expected = local.pairwise(table.values, names=table.names)
    assert "55 pairs of 11 columns, from 442 rows" in visit.text("#pairs-status")
    assert page.locator("#heat g[aria-label=cell] rect").count() == 110
    page.locator("#heat g[aria-label=cell] rect").nth(0).hover()
    page.wait_for_selector("#heat g[aria-label=tip] text")
    tip = str(page.locator("#heat g[aria-label=tip]").text_content())
    assert "age · sex" in tip
    numbers = [float(number) for number in re.findall(r"\d+\.?\d*", tip)]
    pair = expected.pair("age", "sex")
    assert numbers == pytest.approx([pair.mi, 90, *pair.interval(0.9)], abs=0.002)

    download, text = visit.save("pairs, CSV")
    assert download.suggested_filename == "diabetes-pairs.csv"
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 55
    for row in rows:
        pair = expected.pair(row["a"], row["b"])
        found = [float(row[key]) for key in ("mi_nats", "low_0.9", "high_0.9")]
        assert found == pytest.approx([pair.mi, *pair.interval(0.9)], abs=1e-5)
    _, text = visit.save("matrix, CSV")
    matrix = list(csv.reader(io.StringIO(text)))
    assert matrix[0][1:] == list(table.names)
    assert matrix[1][1] == ""
    assert float(matrix[3][11]) == pytest.approx(expected.pair("bmi", "progression").mi, abs=1e-5)
    _, text = visit.save("picture, SVG")
    ElementTree.fromstring(text)
    assert "var(" not in text


@pytest.mark.slow
def test_some_columns_of_a_table_with_gaps(visit_page: Visited) -> None:
    visit = visit_page()
    page = visit.page
    visit.load("t.csv", "a,b,c,d\n" + "".join(f"{i},{i * 5 % 17},{'' if i > 2 else i},{i % 3}\n" for i in range(30)))
    visit.answer()
    page.get_by_role("button", name="Compare all columns").click()
    page.wait_for_selector("[role=alert] .notice")
    assert "Only 3 rows of 30 have values in all chosen columns" in visit.text("[role=alert]")
    page.locator("#which").click()
    page.locator("#which-columns").get_by_label("c", exact=True).uncheck()
    assert visit.text("#which") == "Which columns (3 of 4)"
    visit.compare()
    assert page.locator("#heat g[aria-label=cell] rect").count() == 6
