"""What the documents promise: links lead somewhere, and the example of the README runs."""

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *(path for folder in ("benchmarks", "data", "docs") for path in (ROOT / folder).rglob("*.md")),
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_to_files(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text(encoding="utf-8"))
    broken = [one for one in targets if "://" not in one and not (document.parent / one).exists()]
    assert broken == []


def test_the_example_of_the_readme_runs() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(example + "\nestimate, interval = r.mi, r.interval(0.90)\n", names)
    low, high = names["interval"]
    assert 0 <= low <= names["estimate"] <= high
    assert high > 0.1  # y is a noisy square of x: far from independent
