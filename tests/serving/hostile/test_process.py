"""A thousand hostile bodies at a real process: only 4xx, bounded memory, and the next good request is answered."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pytest

GOOD = {"x": [1, 2, 3, 4, 5, 6], "y": [2, 1, 4, 3, 6, 5]}
TABLE = {"columns": {"a": [1, 2, 3, 4, 5, 6], "b": [2, 1, 4, 3, 6, 5]}}
MAIN_MIB = 700  # of the process that answers, torch included
READER_MIB = 1024 + 200  # of a process that unpacks: its limit counts data, not code and files

pytestmark = pytest.mark.slow


def peaks_mib(pid: int) -> list[float]:
    """Largest resident memory so far of a process and of each of its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    found = []
    for one in [str(pid), *children]:
        status = Path(f"/proc/{one}/status")
        if status.exists() and (peak := re.search(r"VmHWM:\s+(\d+) kB", status.read_text())):
            found.append(int(peak[1]) / 1024)
    return found


def test_a_thousand_hostile_bodies(start_service: Any, untrained: Path, hostile_requests: Iterator[Any]) -> None:
    process, address = start_service("--weights", str(untrained), "--log-requests", "false")
    with httpx.Client(base_url=address, timeout=120, trust_env=False) as client:
        statuses: Counter[int] = Counter()
        wrong: list[str] = []
        reader = 0.0
        for i, (what, path, content, headers) in enumerate(islice(hostile_requests, 1000)):
            response = client.post(path, content=content, headers=headers)
            statuses[response.status_code] += 1
            if not 400 <= response.status_code < 500 or len(response.content) > 4000:
                wrong.append(f"{what} at {path}: {response.status_code} {response.text[:200]}")
            if i < 40 or i % 50 == 0:  # a reader may have ended since
                reader = max([reader, *peaks_mib(process.pid)[1:]])
            if i % 25 == 0:
                assert client.post("/v1/estimate", json=GOOD).status_code == 200, what
        assert client.post("/v1/pairwise", json=TABLE).status_code == 200
        main = peaks_mib(process.pid)[0]
    print(f"statuses {dict(statuses)}, peak {main:.0f} MiB, of a reader {reader:.0f} MiB")
    assert wrong == []
    assert set(statuses) <= {400, 408, 413, 415, 422}
    assert main < MAIN_MIB
    assert reader < READER_MIB
