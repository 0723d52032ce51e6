"""The page when the service is busy, says no, is lost, or asks for a key."""

import json
from collections.abc import Callable
from typing import Any

import pytest

Visited = Callable[..., Any]


def problem(status: int, title: str, detail: str, **headers: str) -> dict[str, Any]:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return {"status": status, "content_type": "application/problem+json", "body": json.dumps(body), "headers": headers}


@pytest.mark.slow
def test_a_busy_service_is_asked_again(visit_page: Visited) -> None:
    visit = visit_page(expect=("429",))
    page = visit.page
    page.route(
        "**/v1/estimate",
        lambda route: route.fulfill(**problem(429, "Too Many Requests", "full", **{"Retry-After": "1"})),
        times=1,
    )
    page.get_by_role("button", name="Wine").click()
    page.wait_for_selector(".notice.wait")
    assert "Trying again in 1 s" in visit.text("[role=alert]")
    visit.answer()
    assert visit.text("[role=alert]") == ""


@pytest.mark.slow
def test_what_the_service_says_is_shown_and_tried_again(visit_page: Visited) -> None:
    visit = visit_page(expect=("500", "422"))
    page = visit.page
    page.route("**/v1/estimate", lambda route: route.fulfill(**problem(422, "Unprocessable", "send <i>fewer</i> rows")))
    page.get_by_role("button", name="Wine").click()
    page.wait_for_selector("[role=alert] .notice")
    assert "send <i>fewer</i> rows" in visit.text("[role=alert]")
    assert visit.text("#result") == "No answer yet."
    page.unroute("**/v1/estimate")
    page.route("**/v1/estimate", lambda route: route.fulfill(status=500, body="<html>"), times=1)
    page.get_by_role("button", name="Swap X and Y").click()
    page.get_by_role("button", name="Try again").click()
    visit.answer()


@pytest.mark.slow
def test_a_lost_connection_is_reported(visit_page: Visited) -> None:
    visit = visit_page(expect=("ERR_FAILED",))
    page = visit.page
    page.route("**/v1/**", lambda route: route.abort())
    page.get_by_role("button", name="Wine").click()
    page.wait_for_selector("[role=alert] .notice")
    assert "The service cannot be reached" in visit.text("[role=alert]")
    page.unroute("**/v1/**")
    page.get_by_role("button", name="Try again").click()
    visit.answer()


@pytest.mark.slow
def test_a_key_is_asked_for_and_sent(visit_page: Visited) -> None:
    visit = visit_page(expect=("401",))
    page = visit.page

    def guarded(route: Any) -> None:
        if route.request.headers.get("authorization") == "Bearer open sesame":
            route.continue_()
        else:
            route.fulfill(**problem(401, "Unauthorized", "an API key is needed"))

    page.route("**/v1/**", guarded)
    page.get_by_role("button", name="Wine").click()
    page.get_by_label("This service asks for an API key").fill("open sesame")
    page.get_by_role("button", name="Use this key").click()
    visit.answer()
    assert not page.locator("#key-form").is_visible()
