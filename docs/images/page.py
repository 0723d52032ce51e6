"""Takes the pictures of the page again: `python docs/images/page.py`, with a Chromium on the path.

Starts the service with the bundled weights on a free port, opens the page in a light, a dark and a narrow window, and
writes page-light.png (an estimate), page-dark.png (all pairs) and page-phone.png beside this file.
"""

import io
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).parent
WINDOWS = {
    "light": {"viewport": {"width": 1120, "height": 1010}, "color_scheme": "light", "device_scale_factor": 1.5},
    "dark": {"viewport": {"width": 1120, "height": 800}, "color_scheme": "dark", "device_scale_factor": 1.5},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "color_scheme": "light",
        "device_scale_factor": 1.5,
        "is_mobile": True,
        "has_touch": True,
    },
}


@contextmanager
def service() -> Iterator[str]:
    """The address of a service that runs meanwhile."""
    with tempfile.TemporaryDirectory() as state:
        command = [sys.executable, "-m", "mutualist", "serve", "--port", "0", "--state-dir", state]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            line = process.stdout.readline() if process.stdout else ""
            found = re.search(r"http://\S+?:\d+", line)
            if not found:
                raise SystemExit(f"the service does not start: {line!r}")
            yield found[0]
        finally:
            process.terminate()
            process.wait()


def show(page: Page, address: str) -> None:
    """Brings the page to where there is most to see."""
    page.goto(address)
    page.get_by_role("button", name="Diabetes").click()
    page.wait_for_selector('#answer[aria-busy="false"] .big')
    page.get_by_role("button", name="Compare all columns").click()
    page.wait_for_selector('#pairs[aria-busy="false"] #heat svg')
    page.evaluate("() => { document.activeElement.blur(); scrollTo(0, 0); }")
    page.mouse.move(0, 0)


def save(picture: Image.Image, name: str) -> None:
    """Writes a picture, with 256 colours: a third of the bytes."""
    target = HERE / f"page-{name}.png"
    picture.convert("RGB").quantize(256, method=Image.Quantize.FASTOCTREE).save(target, optimize=True)
    print(target.relative_to(HERE.parents[1]), f"{target.stat().st_size / 1000:.0f} kB")


def shot(page: Page, selector: str | None = None) -> Image.Image:
    """What the window shows, or one part of the page."""
    taken = page.locator(selector).screenshot() if selector else page.screenshot()
    return Image.open(io.BytesIO(taken))


def beside(left: Image.Image, right: Image.Image, gap: int = 48) -> Image.Image:
    """Two pictures of one height, side by side."""
    both = Image.new("RGB", (left.width + gap + right.width, left.height), "white")
    both.paste(left, (0, 0))
    both.paste(right, (left.width + gap, 0))
    return both


def main() -> None:
    """Takes all pictures."""
    path = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    with service() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for name, window in WINDOWS.items():
            page = browser.new_context(reduced_motion="reduce", **window).new_page()
            show(page, address)
            if name == "light":
                picture = shot(page)
            elif name == "dark":
                page.locator('#heat g[aria-label="cell"] rect').nth(84).hover()
                picture = shot(page, "#pairs")
            else:
                top = shot(page)
                page.locator("#pairs").evaluate("element => element.scrollIntoView()")
                picture = beside(top, shot(page))
            save(picture, name)
        browser.close()


if __name__ == "__main__":
    main()
