"""The page as a person meets it, in a real Chromium: with the mouse, by keyboard, on a phone, in the dark."""

import csv
import io
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np
import pytest
from typer.testing import CliRunner

from mutualist import MutualInfoEstimator
from mutualist.cli import app
from mutualist.columns import complete_rows
from mutualist.tables import read_table

if TYPE_CHECKING:
    from playwright.sync_api import Download, Page

DIABETES = Path(__file__).parents[3] / "data" / "examples" / "diabetes.csv"
Open = Callable[..., "Page"]


@pytest.fixture(scope="module")
def local(untrained: Path) -> MutualInfoEstimator:
    return MutualInfoEstimator.from_pretrained(untrained)


def text_of(page: "Page", selector: str) -> str:
    return page.locator(selector).inner_text()


def answered(page: "Page") -> float:
    """The number on the page, once it has come."""
    page.wait_for_selector('#answer[aria-busy="false"] .big')
    return float(text_of(page, ".big"))


def shows(page: "Page", selector: str, pattern: str) -> None:
    """Waits for a text. (Nothing of a test may be evaluated in the page while it waits: the policy forbids it.)"""
    page.locator(selector, has_text=re.compile(pattern)).first.wait_for()


def load(page: "Page", name: str, content: str | bytes) -> None:
    body = content.encode() if isinstance(content, str) else content
    page.set_input_files("#file", {"name": name, "mimeType": "text/csv", "buffer": body})


def compared(page: "Page") -> None:
    page.get_by_role("button", name="Compare all columns").click()
    page.wait_for_selector('#pairs[aria-busy="false"] #heat svg')


def test_an_example_is_answered_as_the_library_answers(open_page: Open, local: MutualInfoEstimator) -> None:
    page = open_page()
    page.get_by_role("button", name="Diabetes").click()
    table = read_table(DIABETES)
    expected = local.estimate(table.columns(["bmi"]), table.columns(["progression"]))
    assert answered(page) == pytest.approx(expected.mi, rel=0.01)
    low, high = expected.interval(0.9)
    shown = [float(number) for number in re.findall(r"[\d.]+", text_of(page, ".interval"))]
    assert shown == pytest.approx([90, low, high], rel=0.01)
    assert text_of(page, "#table-size") == "442 rows × 11 columns"
    assert "bmi" in text_of(page, ".headline")
    assert "off by" in text_of(page, ".meaning")
    assert page.locator("#scatter circle").count() == 442
    assert "Quantile curve" in str(page.locator("#curve svg").get_attribute("aria-label"))
    page.get_by_label("ranks").check(force=True)
    assert "(rank)" in text_of(page, "#scatter")


@pytest.mark.slow
def test_unit_and_interval_need_no_new_request(open_page: Open) -> None:
    page = open_page()
    page.get_by_role("button", name="Wine").click()
    nats = answered(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_label("Unit").select_option("bits")
    assert float(text_of(page, ".big")) == pytest.approx(nats / np.log(2), rel=0.02)
    wide = text_of(page, ".interval")
    page.get_by_label("Interval").select_option("0.5")
    narrow = text_of(page, ".interval")
    assert narrow.startswith("50 %")
    low, high = (re.findall(r"[\d.]+", text) for text in (narrow, wide))
    assert float(low[2]) - float(low[1]) < float(high[2]) - float(high[1])
    assert "bits" in text_of(page, "#curve")
    assert asked == []


def test_a_file_is_dropped(open_page: Open, local: MutualInfoEstimator) -> None:
    page = open_page()
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
    assert answered(page) == pytest.approx(expected.mi, rel=0.02)
    assert not page.locator("#veil").is_visible()
    assert text_of(page, "#table-name") == "mine.csv"
    assert "left out 1 of 60 rows" in text_of(page, "#result")
    page.locator("#about-columns summary").click()
    assert "c has 60 different texts (“id0”, “id1”, “id2”), and 60 of them in one row" in text_of(
        page, "#about-columns"
    )
    assert page.get_by_label("tell about: column").input_value() == "<b>d</b>"  # a name is text, never markup
    assert page.locator("#answer b").count() == 0


def test_texts_are_taken_as_categories(open_page: Open, local: MutualInfoEstimator, tmp_path: Path) -> None:
    kinds = ["oak", "NA", " elm", "\ufb01r", "\U0001f332"]
    content = "kind,n\n" + "".join(f"{kinds[i * i % 7 % 5]},{i * 11 % 60}\n" for i in range(60))
    (tmp_path / "t.csv").write_text(content, encoding="utf-8")
    table = complete_rows(read_table(tmp_path / "t.csv"), "omit")
    page = open_page()
    load(page, "t.csv", content)
    expected = local.estimate(table.columns(["kind"]), table.columns(["n"]))
    assert answered(page) == pytest.approx(expected.mi, rel=0.01)
    assert f"took column kind as {dict(table.categories)['kind']} categories" in text_of(page, "#result")
    assert "straight-line" not in text_of(page, ".meaning")
    assert text_of(page, "#about-columns summary") == "1 column taken as categories"
    page.locator("#about-columns summary").click()
    assert "kind is text: 0 is “elm”, 1 is “oak”" in text_of(page, "#about-columns")
    compared(page)
    assert "took column kind as" in text_of(page, "#pairs-status")


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
def test_a_table_that_cannot_be_read_is_explained(open_page: Open, content: str | bytes, says: str) -> None:
    page = open_page()
    load(page, "t.csv", content)
    page.wait_for_selector("[role=alert] .notice")
    assert says in text_of(page, "[role=alert]")
    assert page.get_by_role("button", name="Diabetes").is_visible()  # and another one can be chosen


@pytest.mark.slow
def test_odd_columns_are_drawn_and_answered(open_page: Open) -> None:
    rows = [(7, i * 1e306, i * 5e-324, -(10.0 ** (i - 20)), i % 2, "inf" if i == 3 else i) for i in range(40)]
    page = open_page()
    names = ["constant", "huge", "tiny", "steep", "two", "endless"]
    load(page, "odd.csv", ",".join(names) + "\n" + "\n".join(",".join(map(str, row)) for row in rows))
    for name in names[:-1]:
        page.get_by_label("How much does: column").select_option(name)
        shows(page, ".headline", f"^{name}")
        assert page.locator("#scatter circle").count() == 39
        assert "NaN" not in page.locator("#scatter").inner_html()
        assert "left out 1 of 40 rows" in text_of(page, "#result")
    compared(page)
    assert "constant columns carry no information" in text_of(page, "#pairs-status")


@pytest.mark.slow
def test_too_few_rows_are_explained_by_the_service(open_page: Open) -> None:
    page = open_page(expect=("422",))
    load(page, "short.csv", "a,b\n1,2\n2,1\n3,3\n")
    page.wait_for_selector("[role=alert] .notice")
    assert "at least 4" in text_of(page, "[role=alert]")
    assert page.locator("#scatter circle").count() == 3


def test_by_keyboard_alone(open_page: Open) -> None:
    page = open_page()
    keyboard = page.keyboard
    keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    keyboard.press("Enter")

    def tab_to(selector: str) -> None:
        for _ in range(40):
            keyboard.press("Tab")
            if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
        pytest.fail(f"{selector} is not reached")

    tab_to("button.example")
    keyboard.press("Enter")
    first = answered(page)
    tab_to("#side-x select")
    keyboard.press("Home")
    shows(page, ".headline", "^age")
    assert answered(page) != first
    tab_to("#compare")
    keyboard.press("Enter")
    page.locator("#pairs-title:focus").wait_for()
    tab_to("#heat rect")
    assert text_of(page, "#reading").startswith("age · sex: ")
    keyboard.press("ArrowDown")  # over the diagonal, which is empty
    keyboard.press("ArrowDown")
    assert text_of(page, "#reading").startswith("blood_pressure · sex: ")
    assert "interval" in text_of(page, "#reading")
    keyboard.press("Enter")
    shows(page, ".headline", "blood_pressure")
    assert page.locator("#side-y select").input_value() == "sex"


def saved(page: "Page", name: str) -> tuple["Download", str]:
    with page.expect_download() as expected:
        page.get_by_role("button", name=name).click()
    return expected.value, Path(expected.value.path()).read_text(encoding="utf-8")


def test_all_pairs_with_intervals_and_downloads(open_page: Open, local: MutualInfoEstimator) -> None:
    page = open_page()
    page.get_by_role("button", name="Diabetes").click()
    answered(page)
    compared(page)
    table = read_table(DIABETES)
    expected = local.pairwise(table.values, names=table.names)
    assert "55 pairs of 11 columns, from 442 rows" in text_of(page, "#pairs-status")
    assert page.locator("#heat g[aria-label=cell] rect").count() == 110
    page.locator("#heat g[aria-label=cell] rect").nth(0).hover()
    page.wait_for_selector("#heat g[aria-label=tip] text")
    tip = str(page.locator("#heat g[aria-label=tip]").text_content())
    assert "age · sex" in tip
    numbers = [float(number) for number in re.findall(r"\d+\.?\d*", tip)]
    pair = expected.pair("age", "sex")
    assert numbers == pytest.approx([pair.mi, 90, *pair.interval(0.9)], abs=0.002)

    download, text = saved(page, "pairs, CSV")
    assert download.suggested_filename == "diabetes-pairs.csv"
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 55
    for row in rows:
        pair = expected.pair(row["a"], row["b"])
        found = [float(row[key]) for key in ("mi_nats", "low_0.9", "high_0.9")]
        assert found == pytest.approx([pair.mi, *pair.interval(0.9)], abs=1e-5)
    _, text = saved(page, "matrix, CSV")
    matrix = list(csv.reader(io.StringIO(text)))
    assert matrix[0][1:] == list(table.names)
    assert matrix[1][1] == ""
    assert float(matrix[3][11]) == pytest.approx(expected.pair("bmi", "progression").mi, abs=1e-5)
    _, text = saved(page, "picture, SVG")
    ElementTree.fromstring(text)
    assert "var(" not in text


@pytest.mark.slow
def test_what_it_says_of_the_command_and_of_python_gives_the_same(
    open_page: Open, local: MutualInfoEstimator, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page()
    page.get_by_role("button", name="Diabetes").click()
    shown = answered(page)
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
def test_words_and_limits_at_their_ends(open_page: Open) -> None:
    page = open_page()

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
def test_some_columns_of_a_table_with_gaps(open_page: Open) -> None:
    page = open_page()
    load(page, "t.csv", "a,b,c,d\n" + "".join(f"{i},{i * 5 % 17},{'' if i > 2 else i},{i % 3}\n" for i in range(30)))
    answered(page)
    page.get_by_role("button", name="Compare all columns").click()
    page.wait_for_selector("[role=alert] .notice")
    assert "Only 3 rows of 30 have values in all chosen columns" in text_of(page, "[role=alert]")
    page.locator("#which").click()
    page.locator("#which-columns").get_by_label("c", exact=True).uncheck()
    assert text_of(page, "#which") == "Which columns (3 of 4)"
    compared(page)
    assert page.locator("#heat g[aria-label=cell] rect").count() == 6


@pytest.mark.slow
def test_several_columns_on_a_side(open_page: Open, local: MutualInfoEstimator) -> None:
    page = open_page()
    page.get_by_role("button", name="Diabetes").click()
    answered(page)
    page.locator("#side-x").get_by_role("button", name="+ column").click()
    page.locator("#side-x").get_by_label("column 2").select_option("glucose")
    shows(page, ".headline", "bmi and glucose")
    table = read_table(DIABETES)
    expected = local.estimate(table.columns(["bmi", "glucose"]), table.columns(["progression"]))
    assert answered(page) == pytest.approx(expected.mi, rel=0.01)
    page.get_by_label("Column on the x axis").select_option("glucose")
    assert "glucose" in str(page.locator("#scatter svg").get_attribute("aria-label"))
    assert "straight-line" not in text_of(page, ".meaning")
    page.get_by_role("button", name="Swap X and Y").click()
    shows(page, ".headline", "^progression")
    page.get_by_role("button", name="Remove glucose").click()
    shows(page, ".headline", "^((?!glucose).)*$")


@pytest.mark.parametrize("width", [320, 390, 768])
@pytest.mark.slow
def test_nothing_is_wider_than_the_screen(open_page: Open, width: int) -> None:
    page = open_page(width=width, height=700, has_touch=True, is_mobile=True)

    def fits() -> bool:
        return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))

    assert fits()
    page.get_by_role("button", name="Wine").tap()
    answered(page)
    assert fits()
    page.get_by_role("button", name="Compare all columns").tap()
    page.wait_for_selector("#heat svg")
    assert fits()
    page.locator("#heat g[aria-label=cell] rect").nth(3).tap()
    assert "interval" in text_of(page, "#reading")
    page.get_by_role("button", name="Show this pair").tap()
    shows(page, ".headline", "^alcohol")
    small = page.evaluate(
        """() => [...document.querySelectorAll('button, select, summary, [type=file]')]
          .filter((e) => e.offsetParent && e.getBoundingClientRect().height < 24)
          .map((e) => e.outerHTML.slice(0, 80))"""
    )
    assert small == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.slow
def test_contrast_names_and_order_pass_the_checks_of_axe(open_page: Open, scheme: Any) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = open_page(color_scheme=scheme)

    def check(state: str) -> None:
        broken = axe.run(page).response["violations"]
        assert [(rule["id"], [node["html"][:120] for node in rule["nodes"]]) for rule in broken] == [], state

    check("empty")
    page.get_by_role("button", name="Diabetes").click()
    answered(page)
    check("answer")
    compared(page)
    check("pairs")
    page.get_by_role("button", name="Another table").click()
    load(page, "t.csv", "")
    page.wait_for_selector("[role=alert] .notice")
    check("error")


@pytest.mark.slow
def test_the_dark_scheme_is_dark_and_follows_a_switch(open_page: Open) -> None:
    page = open_page(color_scheme="dark")
    page.get_by_role("button", name="Wine").click()
    answered(page)
    compared(page)
    ground = "getComputedStyle(document.body).backgroundColor"
    cell = "document.querySelector('#heat g[aria-label=cell] rect').getAttribute('fill')"
    dark, dark_cell = page.evaluate(ground), page.evaluate(cell)
    assert max(map(int, re.findall(r"\d+", dark))) < 64
    page.emulate_media(color_scheme="light")
    assert min(map(int, re.findall(r"\d+", page.evaluate(ground)))) > 192
    page.locator(f'#heat g[aria-label=cell] rect:first-child[fill="{dark_cell}"]').wait_for(state="detached")


def problem(status: int, title: str, detail: str, **headers: str) -> dict[str, Any]:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return {"status": status, "content_type": "application/problem+json", "body": json.dumps(body), "headers": headers}


@pytest.mark.slow
def test_a_busy_service_is_asked_again(open_page: Open) -> None:
    page = open_page(expect=("429",))
    page.route(
        "**/v1/estimate",
        lambda route: route.fulfill(**problem(429, "Too Many Requests", "full", **{"Retry-After": "1"})),
        times=1,
    )
    page.get_by_role("button", name="Wine").click()
    page.wait_for_selector(".notice.wait")
    assert "Trying again in 1 s" in text_of(page, "[role=alert]")
    answered(page)
    assert text_of(page, "[role=alert]") == ""


@pytest.mark.slow
def test_what_the_service_says_is_shown_and_tried_again(open_page: Open) -> None:
    page = open_page(expect=("500", "422"))
    page.route("**/v1/estimate", lambda route: route.fulfill(**problem(422, "Unprocessable", "send <i>fewer</i> rows")))
    page.get_by_role("button", name="Wine").click()
    page.wait_for_selector("[role=alert] .notice")
    assert "send <i>fewer</i> rows" in text_of(page, "[role=alert]")
    assert text_of(page, "#result") == "No answer yet."
    page.unroute("**/v1/estimate")
    page.route("**/v1/estimate", lambda route: route.fulfill(status=500, body="<html>"), times=1)
    page.get_by_role("button", name="Swap X and Y").click()
    page.get_by_role("button", name="Try again").click()
    answered(page)


@pytest.mark.slow
def test_a_lost_connection_is_reported(open_page: Open) -> None:
    page = open_page(expect=("ERR_FAILED",))
    page.route("**/v1/**", lambda route: route.abort())
    page.get_by_role("button", name="Wine").click()
    page.wait_for_selector("[role=alert] .notice")
    assert "The service cannot be reached" in text_of(page, "[role=alert]")
    page.unroute("**/v1/**")
    page.get_by_role("button", name="Try again").click()
    answered(page)


@pytest.mark.slow
def test_a_key_is_asked_for_and_sent(open_page: Open) -> None:
    page = open_page(expect=("401",))

    def guarded(route: Any) -> None:
        if route.request.headers.get("authorization") == "Bearer open sesame":
            route.continue_()
        else:
            route.fulfill(**problem(401, "Unauthorized", "an API key is needed"))

    page.route("**/v1/**", guarded)
    page.get_by_role("button", name="Wine").click()
    page.get_by_label("This service asks for an API key").fill("open sesame")
    page.get_by_role("button", name="Use this key").click()
    answered(page)
    assert not page.locator("#key-form").is_visible()


@pytest.mark.slow
def test_a_large_table_is_sampled_and_says_so(open_page: Open) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=51_000).round(3)
    y = (x + rng.normal(size=51_000)).round(3)
    page = open_page()
    load(page, "big.csv", "x,y\n" + "\n".join(f"{a},{b}" for a, b in zip(x, y, strict=True)))
    answered(page)
    assert "used a random 50,000 of 51,000 rows" in text_of(page, "#result")
    assert page.locator("#scatter circle").count() == 2000
    assert "A random 2,000 of 51,000 rows are drawn" in text_of(page, "#scatter-note")


@pytest.mark.slow
def test_the_interface_can_be_tried(open_page: Open) -> None:
    page = open_page("/docs")
    page.locator("#swagger-ui .info .title", has_text="mutualist").wait_for()
    operation = page.locator(".opblock", has_text=re.compile("/v1/estimate(?!/)")).first
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    operation.locator(".live-responses-table .response-col_status", has_text="200").wait_for()
