"""The wheel holds all of the tree's packages, and nothing else.

A subpackage that pyproject.toml does not name imports well in an editable install and is absent from the wheel.
"""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("mutualist", "datagen", "models", "training", "serving", "data/examples")


@pytest.fixture(scope="module")
def setuptools_table() -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return table["tool"]["setuptools"]


def in_package(path: Path) -> bool:
    return "__pycache__" not in path.parts and not any(part.startswith(".") for part in path.parts)


def import_path(path: Path) -> Path:
    """Where a file of the tree belongs in the installed package: datagen/x.py → mutualist/datagen/x.py."""
    if path.parts[0] == "mutualist":
        return path
    return Path("mutualist") / (path.relative_to("data") if path.parts[0] == "data" else path)


def files_of_the_tree() -> set[str]:
    """Paths, as installed, of every module and data file; prose (.md) stays at home."""
    files = (path.relative_to(ROOT) for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file())
    return {import_path(path).as_posix() for path in files if in_package(path) and path.suffix != ".md"}


@pytest.fixture(scope="module")
def files_of_the_wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Builds from a copy: setuptools also packs what an earlier build has left under build/."""
    source = tmp_path_factory.mktemp("source")
    target = tmp_path_factory.mktemp("wheel")
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source / file)
    command = [
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "-w",
        str(target),
        str(source),
    ]
    built = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, timeout=120)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = target.glob("*.whl")
    return {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}


def test_wheel_and_tree_hold_the_same_files(files_of_the_wheel: set[str]) -> None:
    tree = files_of_the_tree()
    assert len(tree) > len(FOLDERS)
    missing, foreign = sorted(tree - files_of_the_wheel), sorted(files_of_the_wheel - tree)
    assert missing == [], "in the tree, not in the wheel: name the package or the data in pyproject.toml"
    assert foreign == [], "in the wheel, not in the tree"


def test_every_package_is_named_with_its_folder(setuptools_table: dict[str, Any]) -> None:
    homes = {
        ".".join(import_path(init.relative_to(ROOT).parent).parts): init.relative_to(ROOT).parent.as_posix()
        for folder in FOLDERS
        for init in (ROOT / folder).rglob("__init__.py")
    }
    assert sorted(setuptools_table["packages"]) == sorted(homes)
    assert setuptools_table["package-dir"] == homes
