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

VENDOR = Path(__file__).resolve().parents[1] / "serving" / "page" / "vendor"


def fetch(entry: dict[str, str], folder: Path) -> None:
    """Takes the file and the licence out of the package that `entry` names; sets its checksum."""
    name = f"{entry['package']}@{entry['version']}"
    packed = subprocess.run(["npm", "pack", "--silent", name], cwd=folder, check=True, capture_output=True, text=True)
    with tarfile.open(folder / packed.stdout.strip()) as archive:
        for source, target in ((entry["path"], entry["file"]), ("LICENSE", entry["licence_file"])):
            member = archive.extractfile(f"package/{source}")
            if member is None:
                raise SystemExit(f"{name} has no file {source}")
            (VENDOR / target).write_bytes(member.read())
    entry["sha256"] = hashlib.sha256((VENDOR / entry["file"]).read_bytes()).hexdigest()
    print(f"{name}: {entry['file']}, {(VENDOR / entry['file']).stat().st_size / 1000:.0f} kB, {entry['sha256']}")


def main() -> None:
    """Fetches all that vendor.json lists."""
    listed = VENDOR / "vendor.json"
    entries: list[dict[str, str]] = json.loads(listed.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        for entry in entries:
            fetch(entry, Path(folder))
    listed.write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
