"""An answer on the page: what the library gives, in the same numbers and in words."""

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from mutualist import MutualInfoEstimator
from mutualist.cli import app
from mutualist.tables import read_table

DIABETES = Path(__file__).parents[3] / "data" / "examples" / "diabetes.csv"
Visited = Callable[..., Any]


def test_an_example_is_answered_as_the_library_answers(visit_page: Visited, local: MutualInfoEstimator) -> None:
    visit = visit_page()
    page = visit.page
    page.get_by_role("button", name="Diabetes").click()
    table = read_table(DIABETES)
    expected = local.estimate(table.columns(["bmi"]), table.columns(["progression"]))
    assert visit.answer() == pytest.approx(expected.mi, rel=0.01)
    low, high = expected.interval(0.9)
    shown = [float(number) for number in re.findall(r"[\d.]+", visit.text(".interval"))]
    assert shown == pytest.approx([90, low, high], rel=0.01)
    assert visit.text("#table-size") == "442 rows × 11 columns"
    assert "bmi" in visit.text(".headline")
    assert "off by" in visit.text(".meaning")
    assert page.locator("#scatter circle").count() == 442
    assert "Quantile curve" in str(page.locator("#curve svg").get_attribute("aria-label"))
    page.get_by_label("ranks").check(force=True)
    assert "(rank)" in visit.text("#scatter")


@pytest.mark.slow
def test_unit_and_interval_need_no_new_request(visit_page: Visited) -> None:
    visit = visit_page()
    page = visit.page
    page.get_by_role("button", name="Wine").click()
    nats = visit.answer()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_label("Unit").select_option("bits")
    assert float(visit.text(".big")) == pytest.approx(nats / np.log(2), rel=0.02)
    wide = visit.text(".interval")
    page.get_by_label("Interval").select_option("0.5")
    narrow = visit.text(".interval")
    assert narrow.startswith("50 %")
    low, high = (re.findall(r"[\d.]+", text) for text in (narrow, wide))
    assert float(low[2]) - float(low[1]) < float(high[2]) - float(high[1])
    assert "bits" in visit.text("#curve")
    assert asked == []


@pytest.mark.slow
def test_several_columns_on_a_side(visit_page: Visited, local: MutualInfoEstimator) -> None:
    visit = visit_page()
    page = visit.page
    page.get_by_role("button", name="Diabetes").click()
    visit.answer()
    page.locator("#side-x").get_by_role("button", name="+ column").click()
    page.locator("#side-x").get_by_label("column 2").select_option("glucose")
    visit.wait_for_text(".headline", "bmi and glucose")
    table = read_table(DIABETES)
    expected = local.estimate(table.columns(["bmi", "glucose"]), table.columns(["progression"]))
    assert visit.answer() == pytest.approx(expected.mi, rel=0.01)
    page.get_by_label("Column on the x axis").select_option("glucose")
    assert "glucose" in str(page.locator("#scatter svg").get_attribute("aria-label"))
    assert "straight-line" not in visit.text(".meaning")
    page.get_by_role("button", name="Swap X and Y").click()
    visit.wait_for_text(".headline", "^progression")
    page.get_by_role("button", name="Remove glucose").click()
    visit.wait_for_text(".headline", "^((?!glucose).)*$")


@pytest.mark.slow
def test_what_it_says_of_the_command_and_of_python_gives_the_same(
    visit_page: Visited, local: MutualInfoEstimator, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = visit_page()
    page = visit.page
    page.get_by_role("button", name="Diabetes").click()
    shown = visit.answer()
    page.get_by_label("Unit").select_option("bits")
    command, code = str(page.locator("#again").text_content()).split("\n\n", 1)
    monkeypatch.chdir(DIABETES.parent)
    monkeypatch.setattr(MutualInfoEstimator, "from_pretrained", lambda: local)
    said = CliRunner().invoke(app, [*shlex.split(command)[1:], "--json"])
    assert json.loads(said.stdout)["mi"] * np.log(2) == pytest.approx(shown, rel=0.01)
    names: dict[str, Any] = {}
    exec(code, names)
    assert names["r"].mi == pytest.approx(shown, rel=0.01)


@pytest.mark.slow
def test_words_and_limits_at_their_ends(visit_page: Visited) -> None:
    visit = visit_page()
    page = visit.page

    def said(mi: float) -> str:
        estimate = "{mi, low: mi, high: mi, level: 0.9}"
        call = f"async mi => (await import('/page/words.js')).meaning({estimate}, ['a'], ['b'], null)"
        return " ".join(page.evaluate(call, mi))

    assert "correlation of ±0.99 tell" in said(2.0)
    assert "correlation of ±0.9966 tell" in said(2.5)
    assert "correlation of more than 0.9999 tell" in said(9.0)
    assert "the true value has no bound" in said(9.0)
    assert "the true value has no bound" not in said(2.0)
    rows = "async ([columns, pairs]) => (await import('/page/state.js')).mostRows(columns, pairs)"
    shown = [page.evaluate(rows, [columns, columns * (columns - 1) // 2]) for columns in (2, 30, 120)]
    assert shown[0] == 50_000
    for columns, most in zip((30, 120), shown[1:], strict=True):
        assert 4 <= most < 50_000
        values = np.random.default_rng(1).normal(size=(most, columns)) * 1e-3
        assert len(json.dumps({"columns": values.T.tolist()}, separators=(",", ":"))) < 2**24
        assert most * columns * (columns - 1) // 2 <= 500_000_000


@pytest.mark.slow
def test_the_interface_can_be_tried(visit_page: Visited) -> None:
    visit = visit_page("/docs")
    page = visit.page
    page.locator("#swagger-ui .info .title", has_text="mutualist").wait_for()
    operation = page.locator(".opblock", has_text=re.compile("/v1/estimate(?!/)")).first
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    operation.locator(".live-responses-table .response-col_status", has_text="200").wait_for()
