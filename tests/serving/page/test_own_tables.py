"""Tables that a person brings to the page: dropped, odd, too large, or not to be read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mutualist import MutualInfoEstimator
from mutualist.columns import complete_rows
from mutualist.tables import read_table

Visited = Callable[..., Any]


def test_a_file_is_dropped(visit_page: Visited, local: MutualInfoEstimator) -> None:
    visit = visit_page()
    page = visit.page
    rows = [(i, (i * 7) % 31, f"id{i}", "" if i == 3 else i % 5) for i in range(60)]
    content = "a;b;c;<b>d</b>\n" + "\n".join(";".join(map(str, row)) for row in rows)
    transfer = page.evaluate_handle(
        "text => { const t = new DataTransfer(); t.items.add(new File([text], 'mine.csv')); return t; }", content
    )
    page.dispatch_event("body", "dragenter", {"dataTransfer": transfer})
    assert page.locator("#veil").is_visible()
    page.dispatch_event("body", "drop", {"dataTransfer": transfer})
    kept = [row for row in rows if row[3] != ""]
    expected = local.estimate([row[0] for row in kept], [row[3] for row in kept])
    assert visit.answer() == pytest.approx(expected.mi, rel=0.02)
    assert not page.locator("#veil").is_visible()
    assert visit.text("#table-name") == "mine.csv"
    assert "left out 1 of 60 rows" in visit.text("#result")
    page.locator("#about-columns summary").click()
    assert "c has 60 different texts (“id0”, “id1”, “id2”), and 60 of them in one row" in visit.text("#about-columns")
    assert page.get_by_label("tell about: column").input_value() == "<b>d</b>"  # a name is text, never markup
    assert page.locator("#answer b").count() == 0


def test_texts_are_taken_as_categories(visit_page: Visited, local: MutualInfoEstimator, tmp_path: Path) -> None:
    kinds = ["oak", "NA", " elm", "\ufb01r", "\U0001f332"]
    content = "kind,n\n" + "".join(f"{kinds[i * i % 7 % 5]},{i * 11 % 60}\n" for i in range(60))
    (tmp_path / "t.csv").write_text(content, encoding="utf-8")
    table = complete_rows(read_table(tmp_path / "t.csv"), "omit")
    visit = visit_page()
    page = visit.page
    visit.load("t.csv", content)
    expected = local.estimate(table.columns(["kind"]), table.columns(["n"]))
    assert visit.answer() == pytest.approx(expected.mi, rel=0.01)
    assert f"took column kind as {dict(table.categories)['kind']} categories" in visit.text("#result")
    assert "straight-line" not in visit.text(".meaning")
    assert visit.text("#about-columns summary") == "1 column taken as categories"
    page.locator("#about-columns summary").click()
    assert "kind is text: 0 is “elm”, 1 is “oak”" in visit.text("#about-columns")
    visit.compare()
    assert "took column kind as" in visit.text("#pairs-status")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is empty"),
        ("a,b\n", "has a header but no rows"),
        ("1,2\n3,4\n", "starts with numbers"),
        ("a,b\n1,2\n3\n", "Line 3 of t.csv has 1 cells and the header has 2"),
        (
            "a,b\n1,x\n2,y\n",
            "Two columns of numbers or categories are needed, and t.csv has only a: b has 2 different texts",
        ),
        ("a,a\n1,2\n2,3\n", "has the name of an earlier column"),
        ("a,b\n1,\n2,\n", "has no values"),
        ("a,b\n1,2\n".encode("utf-16"), "is not UTF-8 text"),
        (b"PAR1\x00\x01", "is not plain text"),
        (b"\x1f\x8b\x08\x00", "is not plain text"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)
@pytest.mark.slow
def test_a_table_that_cannot_be_read_is_explained(visit_page: Visited, content: str | bytes, says: str) -> None:
    visit = visit_page()
    page = visit.page
    visit.load("t.csv", content)
    page.wait_for_selector("[role=alert] .notice")
    assert says in visit.text("[role=alert]")
    assert page.get_by_role("button", name="Diabetes").is_visible()  # and another one can be chosen


@pytest.mark.slow
def test_odd_columns_are_drawn_and_answered(visit_page: Visited) -> None:
    rows = [(7, i * 1e306, i * 5e-324, -(10.0 ** (i - 20)), i % 2, "inf" if i == 3 else i) for i in range(40)]
    visit = visit_page()
    page = visit.page
    names = ["constant", "huge", "tiny", "steep", "two", "endless"]
    visit.load("odd.csv", ",".join(names) + "\n" + "\n".join(",".join(map(str, row)) for row in rows))
    for name in names[:-1]:
        page.get_by_label("How much does: column").select_option(name)
        visit.wait_for_text(".headline", f"^{name}")
        assert page.locator("#scatter circle").count() == 39
        assert "NaN" not in page.locator("#scatter").inner_html()
        assert "left out 1 of 40 rows" in visit.text("#result")
    visit.compare()
    assert "constant columns carry no information" in visit.text("#pairs-status")


@pytest.mark.slow
def test_too_few_rows_are_explained_by_the_service(visit_page: Visited) -> None:
    visit = visit_page(expect=("422",))
    page = visit.page
    visit.load("short.csv", "a,b\n1,2\n2,1\n3,3\n")
    page.wait_for_selector("[role=alert] .notice")
    assert "at least 4" in visit.text("[role=alert]")
    assert page.locator("#scatter circle").count() == 3


@pytest.mark.slow
def test_a_large_table_is_sampled_and_says_so(visit_page: Visited) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=51_000).round(3)
    y = (x + rng.normal(size=51_000)).round(3)
    visit = visit_page()
    page = visit.page
    visit.load("big.csv", "x,y\n" + "\n".join(f"{a},{b}" for a, b in zip(x, y, strict=True)))
    visit.answer()
    assert "used a random 50,000 of 51,000 rows" in visit.text("#result")
    assert page.locator("#scatter circle").count() == 2000
    assert "A random 2,000 of 51,000 rows are drawn" in visit.text("#scatter-note")
