"""Imports between the folders go one way, and name only what pyproject.toml requires."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EVERYWHERE = {"mutualist.errors"}
# What the modules of a folder may import of the package, besides their own folder. `mutualist` itself imports the other
# folders only inside a function, which the tests of start-up time and this table's last row cover.
ALLOWED = {
    "datagen": EVERYWHERE,
    "models": EVERYWHERE,
    # of datagen, the format on disk: its schema, where it lies, and that a shard is what its manifest says; and what
    # draws records beside the training
    "training": EVERYWHERE
    | {"mutualist.models"}
    | {f"mutualist.datagen.{name}" for name in ("schema", "storage", "integrity", "config", "prior")},
    "serving": {"mutualist"},
    "mutualist": {"mutualist"},
}
FORBIDDEN_AT_START = {"mutualist": ("mutualist.datagen", "mutualist.training", "mutualist.serving")}
# What an estimate needs is in [project.dependencies]; the other folders have extras.
EXTRAS = {
    "mutualist": [],
    "mutualist/bench": ["bench"],
    "models": [],
    "serving": ["serve", "cluster"],
    "datagen": ["datagen"],
    "training": ["train", "datagen"],
}


def imports(tree: ast.AST) -> Iterator[str]:
    """Full names that a module imports: `from a.b import c` gives a.b.c, for c may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def at_start(tree: ast.Module) -> ast.Module:
    """The statements that run on import: no bodies of functions, no `if TYPE_CHECKING:`."""
    kept = []
    for node in tree.body:
        checking = isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        if not checking and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            kept.append(node)
    return ast.Module(body=kept, type_ignores=[])


def within(name: str, parents: set[str] | tuple[str, ...]) -> bool:
    return any(name == parent or name.startswith(parent + ".") for parent in parents)


def modules(folder: str) -> list[tuple[str, ast.Module]]:
    paths = sorted((ROOT / folder).rglob("*.py"))
    return [(path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))) for path in paths]


@pytest.mark.parametrize("folder", ALLOWED)
def test_imports_go_one_way(folder: str) -> None:
    own = "mutualist" if folder == "mutualist" else f"mutualist.{folder}"
    wrong = [
        f"{path} imports {name}"
        for path, tree in modules(folder)
        for name in imports(tree)
        if within(name, ("mutualist",)) and not within(name, ALLOWED[folder] | {own})
    ]
    wrong += [
        f"{path} imports {name} when it is imported itself"
        for path, tree in modules(folder)
        for name in imports(at_start(tree))
        if within(name, FORBIDDEN_AT_START.get(folder, ()))
    ]
    assert wrong == []


@pytest.mark.parametrize("folder", EXTRAS)
def test_every_library_is_required_by_name(folder: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    required = project["dependencies"] + [one for extra in EXTRAS[folder] for one in extras[extra]]
    required_names = {normal(re.split(r"[\[<>=!~ ;]", one)[0]) for one in required}
    distributions = packages_distributions()
    missing = set()
    inner = tuple(f"{other}/" for other in EXTRAS if other.startswith(f"{folder}/"))  # folders with a row of their own
    for path, tree in modules(folder):
        if path.startswith(inner):
            continue
        for name in imports(tree):
            top = name.split(".")[0]
            if top == "mutualist" or top in sys.stdlib_module_names:
                continue
            if not required_names & {normal(one) for one in distributions.get(top, [top])}:
                missing.add(f"{path} imports {top}")
    assert sorted(missing) == []


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
