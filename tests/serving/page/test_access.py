"""The page for everyone: by keyboard alone, on a phone, in the dark, and by the rules of axe."""

import re
from collections.abc import Callable
from typing import Any

import pytest

Visited = Callable[..., Any]


def test_by_keyboard_alone(visit_page: Visited) -> None:
    visit = visit_page()
    page = visit.page
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
    first = visit.answer()
    tab_to("#side-x select")
    keyboard.press("Home")
    visit.wait_for_text(".headline", "^age")
    assert visit.answer() != first
    tab_to("#compare")
    keyboard.press("Enter")
    page.locator("#pairs-title:focus").wait_for()
    tab_to("#heat rect")
    assert visit.text("#reading").startswith("age · sex: ")
    keyboard.press("ArrowDown")  # over the diagonal, which is empty
    keyboard.press("ArrowDown")
    assert visit.text("#reading").startswith("blood_pressure · sex: ")
    assert "interval" in visit.text("#reading")
    keyboard.press("Enter")
    visit.wait_for_text(".headline", "blood_pressure")
    assert page.locator("#side-y select").input_value() == "sex"


@pytest.mark.parametrize("width", [320, 390, 768])
@pytest.mark.slow
def test_nothing_is_wider_than_the_screen(visit_page: Visited, width: int) -> None:
    visit = visit_page(width=width, height=700, has_touch=True, is_mobile=True)
    page = visit.page

    def fits() -> bool:
        return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))

    assert fits()
    page.get_by_role("button", name="Wine").tap()
    visit.answer()
    assert fits()
    page.get_by_role("button", name="Compare all columns").tap()
    page.wait_for_selector("#heat svg")
    assert fits()
    page.locator("#heat g[aria-label=cell] rect").nth(3).tap()
    assert "interval" in visit.text("#reading")
    page.get_by_role("button", name="Show this pair").tap()
    visit.wait_for_text(".headline", "^alcohol")
    small = page.evaluate(
        """() => [...document.querySelectorAll('button, select, summary, [type=file]')]
          .filter((e) => e.offsetParent && e.getBoundingClientRect().height < 24)
          .map((e) => e.outerHTML.slice(0, 80))"""
    )
    assert small == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.slow
def test_contrast_names_and_order_pass_the_checks_of_axe(visit_page: Visited, scheme: Any) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    visit = visit_page(color_scheme=scheme)
    page = visit.page

    def check(state: str) -> None:
        broken = axe.run(page).response["violations"]
        assert [(rule["id"], [node["html"][:120] for node in rule["nodes"]]) for rule in broken] == [], state

    check("empty")
    page.get_by_role("button", name="Diabetes").click()
    visit.answer()
    check("answer")
    visit.compare()
    check("pairs")
    page.get_by_role("button", name="Another table").click()
    visit.load("t.csv", "")
    page.wait_for_selector("[role=alert] .notice")
    check("error")


@pytest.mark.slow
def test_the_dark_scheme_is_dark_and_follows_a_switch(visit_page: Visited) -> None:
    visit = visit_page(color_scheme="dark")
    page = visit.page
    page.get_by_role("button", name="Wine").click()
    visit.answer()
    visit.compare()
    ground = "getComputedStyle(document.body).backgroundColor"
    cell = "document.querySelector('#heat g[aria-label=cell] rect').getAttribute('fill')"
    dark, dark_cell = page.evaluate(ground), page.evaluate(cell)
    assert max(map(int, re.findall(r"\d+", dark))) < 64
    page.emulate_media(color_scheme="light")
    assert min(map(int, re.findall(r"\d+", page.evaluate(ground)))) > 192
    page.locator(f'#heat g[aria-label=cell] rect:first-child[fill="{dark_cell}"]').wait_for(state="detached")
