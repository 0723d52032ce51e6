"""What an import costs, and which names it takes."""

import json
import subprocess
import sys

import pytest

HEAVY = {"torch", "pandas", "matplotlib", "scipy", "lightning", "dask", "fastapi", "pyarrow"}


def modules_after(statement: str) -> set[str]:
    """Top-level names in sys.modules after `statement` in a fresh interpreter."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return set(json.loads(shown.stdout))


@pytest.mark.parametrize("statement", ["import mutualist", "from mutualist import InputError, MIEstimate"])
def test_importing_the_front_door_loads_nothing_heavy(statement: str) -> None:
    assert modules_after(statement) & HEAVY == set()


def test_the_schema_of_the_meta_dataset_does_not_load_torch() -> None:
    assert "torch" not in modules_after("import mutualist.datagen.schema")


def test_every_public_name_is_importable() -> None:
    import mutualist

    missing = [name for name in mutualist.__all__ if not hasattr(mutualist, name)]
    assert missing == []
