"""A real browser in front of a real service. Where there is no browser, these tests are skipped, and say so."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mutualist import MutualInfoEstimator

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Download, Page

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome")
ADVICE = (
    "no Chromium found; install one (Debian, Ubuntu: apt-get install chromium; elsewhere: playwright install "
    "chromium-headless-shell), or name it in MUTUALIST_CHROMIUM"
)


def chromium(playwright: Any) -> str:
    """The path of the browser to use: the named one, one on the path, or the one that playwright has fetched."""
    if named := os.environ.get("MUTUALIST_CHROMIUM"):
        return named
    found = next(filter(None, map(shutil.which, NAMES)), None)
    own: str = playwright.chromium.executable_path
    if found is None and not os.path.exists(own):
        pytest.skip(ADVICE)
    return found or own


# For a module and not for the session: while it is open, no other event loop can run in this thread.
@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    api = pytest.importorskip("playwright.sync_api", reason='playwright is not installed: pip install -e ".[dev]"')
    with api.sync_playwright() as playwright:
        path = chromium(playwright)
        opened = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def local(untrained: Path) -> MutualInfoEstimator:
    """The library with the weights of the service."""
    return MutualInfoEstimator.from_pretrained(untrained)


@dataclass(frozen=True)
class Visit:
    """A page that is open, and what every visitor does there."""

    page: "Page"

    def text(self, selector: str) -> str:
        return self.page.locator(selector).inner_text()

    def answer(self) -> float:
        """The number on the page, once it has come."""
        self.page.wait_for_selector('#answer[aria-busy="false"] .big')
        return float(self.text(".big"))

    def wait_for_text(self, selector: str, pattern: str) -> None:
        # Nothing of a test may be evaluated in the page while it waits: the policy forbids it.
        self.page.locator(selector, has_text=re.compile(pattern)).first.wait_for()

    def load(self, name: str, content: str | bytes) -> None:
        body = content.encode() if isinstance(content, str) else content
        self.page.set_input_files("#file", {"name": name, "mimeType": "text/csv", "buffer": body})

    def compare(self) -> None:
        self.page.get_by_role("button", name="Compare all columns").click()
        self.page.wait_for_selector('#pairs[aria-busy="false"] #heat svg')

    def save(self, name: str) -> tuple["Download", str]:
        with self.page.expect_download() as expected:
            self.page.get_by_role("button", name=name).click()
        return expected.value, Path(expected.value.path()).read_text(encoding="utf-8")


@pytest.fixture
def visit_page(browser: "Browser", service_url: str) -> Iterator[Callable[..., Visit]]:
    """Opens the page. Whatever a test does, no script fails, nothing breaks the policy, and no other host is asked."""
    wrong: list[str] = []
    contexts = []

    def opened(
        path: str = "/", width: int = 1200, height: int = 900, expect: tuple[str, ...] = (), **options: Any
    ) -> Visit:
        context = browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce", **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on(
            "console",
            lambda message: (
                wrong.append(f"console: {message.text}")
                if message.type in ("error", "warning") and not any(text in message.text for text in expect)
                else None
            ),
        )
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((service_url, "blob:", "data:"))
                else wrong.append(f"request: {request.url}")
            ),
        )
        page.goto(service_url + path)
        return Visit(page)

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []
