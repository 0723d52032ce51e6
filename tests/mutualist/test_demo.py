"""The demo, from its own process: two doors, one answer. `make demo` runs it with the bundled weights."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "data" / "examples"
DIABETES, WINE = str(EXAMPLES / "diabetes.csv"), str(EXAMPLES / "wine.csv")


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mutualist.demo", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.mark.slow
def test_both_doors_agree(tmp_path: Path, untrained: Path) -> None:
    picture = tmp_path / "new folder" / "demo.png"
    done = run(DIABETES, "--picture", str(picture), "--weights", str(untrained))
    assert done.returncode == 0, done.stderr
    for part in ("bmi", "90% interval", "differ by at most", "listening on http://127.0.0.1:", "new folder"):
        assert part in done.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_what_fails_is_said(tmp_path: Path) -> None:
    done = run(str(tmp_path / "none.csv"))
    assert done.returncode == 2
    assert "no file" in done.stderr
    done = run(WINE, "--picture", str(tmp_path / "x.png"))
    assert done.returncode == 2
    assert "no column 'progression'" in done.stderr
    assert "Traceback" not in done.stderr
