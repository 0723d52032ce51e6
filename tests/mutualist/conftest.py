"""What tests of the front door share."""

import pytest
from typer.testing import CliRunner


@pytest.fixture
def runner() -> CliRunner:
    """Runs the command in this process."""
    return CliRunner()
