"""Fetches the libraries of the page again: `python docs/vendor_page.py`, with npm on the path.

To renew one, change its version in serving/page/vendor/vendor.json first. Writes the files, their licences and the
checksums; what changed is then seen in `git diff`, and the tests of the page show whether it still works.
"""

import hashlib
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

VENDOR = Path(__file__).resolve().parents[1] / "serving" / "page" / "vendor"


def fetch(entry: dict[str, Any], folder: Path) -> None:
    """Takes the files that `entry` lists out of its package; sets their checksums."""
    name = f"{entry['package']}@{entry['version']}"
    packed = subprocess.run(["npm", "pack", "--silent", name], cwd=folder, check=True, capture_output=True, text=True)
    with tarfile.open(folder / packed.stdout.strip()) as archive:
        for target, source in entry["files"].items():
            member = archive.extractfile(f"package/{source['path']}")
            if member is None:
                raise SystemExit(f"{name} has no file {source['path']}")
            content = member.read()
            (VENDOR / target).write_bytes(content)
            source["sha256"] = hashlib.sha256(content).hexdigest()
            print(f"{name}: {target}, {len(content) / 1000:.0f} kB")


def main() -> None:
    """Fetches all that vendor.json lists."""
    listed = VENDOR / "vendor.json"
    entries: list[dict[str, Any]] = json.loads(listed.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        for entry in entries:
            fetch(entry, Path(folder))
    listed.write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
