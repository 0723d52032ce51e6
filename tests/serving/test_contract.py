"""schemathesis drives a real process by its OpenAPI document: no 5xx, and nothing that the document does not say."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow


def test_the_document_is_kept(start_service: Any, untrained: Path, tmp_path: Path) -> None:
    _, address = start_service("--weights", str(untrained), "--log-requests", "false")
    config = tmp_path / "schemathesis.toml"
    # A document cannot say that two lists are of one length, so what it allows may still be refused, by 422.
    config.write_text('[checks.positive_data_acceptance]\nexpected-statuses = ["2xx", "404", "409", "422", "429"]\n')
    words = ["run", f"{address}/openapi.json", "--max-examples", "100", "--seed", "1", "--request-timeout", "60"]
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
