"""The Dockerfile, read and not built: what it copies exists, nothing is missing, and it ends without root."""

import re
import shlex
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINES = re.sub(r"\\\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8")).splitlines()


def instructions(name: str) -> list[list[str]]:
    return [shlex.split(line)[1:] for line in LINES if line.startswith(f"{name} ")]


def test_it_copies_what_an_installation_needs_and_the_context_lets_it_through() -> None:
    copied = {source for words in instructions("COPY") if words[0] != "--from=build" for source in words[:-1]}
    assert [source for source in copied if not (ROOT / source).exists()] == []
    homes = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-dir"]
    assert {path for path in homes.values() if not any(Path(path).is_relative_to(one) for one in copied)} == set()
    let_through = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert [source for source in copied if f"!{source}" not in let_through] == []


def test_it_runs_without_root() -> None:
    (user,) = instructions("USER")
    assert user[0].split(":")[0] not in ("0", "root")
    last_stage = [line for line in LINES if line.startswith(("FROM", "USER", "ENTRYPOINT"))][-2:]
    assert [line.split()[0] for line in last_stage] == ["USER", "ENTRYPOINT"]
