"""What the page is made of, as it is served: whole, from here alone, and under a strict policy."""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from mutualist.categories import MOST, ROWS_EACH
from mutualist.serving.static import EXAMPLES, PAGE

Client = Callable[..., httpx.Response]
TEXTS = sorted(path for path in PAGE.iterdir() if path.suffix in (".html", ".css", ".js", ".svg"))


def policy(response: httpx.Response) -> dict[str, str]:
    directives = response.headers["content-security-policy"].split("; ")
    return dict(directive.split(" ", 1) for directive in directives)


def test_the_page_is_served_with_all_that_it_names(client: Client) -> None:
    page = client("GET", "/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "How much does one column tell about another?" in page.text
    named = re.findall(r'(?:src|href)="(page/[^"]+)"', page.text)
    scripts = [path.name for path in PAGE.glob("*.js")]
    for path in [*named, *(f"page/{name}" for name in scripts)]:
        response = client("GET", f"/{path}")
        assert response.status_code == 200, path
        expected = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}[path.rsplit(".", 1)[1]]
        assert response.headers["content-type"].startswith(expected)
        assert response.headers["x-content-type-options"] == "nosniff"


def test_the_interface_is_shown_without_another_host(client: Client) -> None:
    page = client("GET", "/docs")
    found = policy(page)
    assert (found["default-src"], found["script-src"], found["connect-src"]) == ("'none'", "'self'", "'self'")
    for path in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert client("GET", f"/{path}").status_code == 200, path


@pytest.mark.parametrize("path", ["/", "/page/app.js", "/page/vendor/d3.min.js", "/page/examples/wine.csv"])
def test_the_policy_lets_in_nothing_from_elsewhere(client: Client, path: str) -> None:
    found = policy(client("GET", path))
    assert found["default-src"] == "'none'"
    assert found["script-src"] == "'self'"
    for sources in found.values():
        assert "unsafe" not in sources
        assert "http" not in sources
        assert "*" not in sources


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_nothing_is_inline_and_nothing_points_elsewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    addresses = set(re.findall(r"https?://[\w./-]+", text)) - {"http://www.w3.org/2000/svg"}
    assert addresses == set()
    if path.suffix == ".html":
        assert re.findall(r"\son\w+=|\sstyle=|<style|<script(?![^>]*\ssrc=)", text) == []
    if path.suffix == ".js":
        assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text) == []


def test_the_page_takes_as_many_categories_as_the_command() -> None:
    script = (PAGE / "categories.js").read_text(encoding="utf-8")
    (most,) = re.findall(r"^const MOST = \[(\d+), (\d+)\];", script, re.MULTILINE)
    (each,) = re.findall(r"^const ROWS_EACH = (\d+);", script, re.MULTILINE)
    assert (*map(int, most), int(each)) == (*MOST, ROWS_EACH)


def test_the_libraries_are_those_of_the_list(client: Client) -> None:
    folder = PAGE / "vendor"
    entries: list[dict[str, Any]] = json.loads((folder / "vendor.json").read_text(encoding="utf-8"))
    listed = {name for entry in entries for name in entry["files"]}
    assert listed | {"vendor.json"} == {path.name for path in folder.iterdir()}
    for entry in entries:
        for name, source in entry["files"].items():
            assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == source["sha256"], name
        assert any(name.startswith("LICENSE-") for name in entry["files"])
    needed = re.findall(r'src="page/(vendor/[^"]+)"', client("GET", "/").text)
    assert sum((PAGE / path).stat().st_size for path in needed) < 600_000


def test_each_example_table_is_offered_and_served(client: Client) -> None:
    offered = set(re.findall(r'file: "([\w.]+)"', (PAGE / "app.js").read_text(encoding="utf-8")))
    assert offered == {path.name for path in EXAMPLES.glob("*.csv")}
    for name in offered:
        assert client("GET", f"/page/examples/{name}").content == (EXAMPLES / name).read_bytes()


@pytest.mark.parametrize(
    "path",
    ["/page/../app.py", "/page/%2e%2e/app.py", "/page/..%2fapp.py", "/page/examples/../../pyproject.toml", "/page/no"],
)
def test_no_other_file_is_served(client: Client, path: str) -> None:
    response = client("GET", path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


def test_the_page_does_not_answer_for_the_interface(client: Client) -> None:
    assert client("GET", "/v1/estimate").status_code == 405
    assert client("GET", "/v1/nothing").status_code == 404
    assert client("POST", "/").status_code == 405


def test_scripts_travel_compressed_and_are_asked_about_again(client: Client) -> None:
    response = client("GET", "/page/vendor/d3.min.js", headers={"Accept-Encoding": "gzip"})
    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["cache-control"] == "no-cache"
    again = client("GET", "/page/vendor/d3.min.js", headers={"If-None-Match": response.headers["etag"]})
    assert again.status_code == 304


def test_the_page_is_no_part_of_the_interface(client: Client) -> None:
    paths: dict[str, Any] = client("GET", "/openapi.json").json()["paths"]
    assert not [path for path in paths if not path.startswith(("/v1", "/healthz", "/readyz", "/metrics"))]
