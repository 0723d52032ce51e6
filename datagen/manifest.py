"""The manifest of a meta-dataset: its configuration, versions, counts, and the checksum of every shard.

Imports the standard library only, for training reads it too.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from mutualist.errors import DataError

MANIFEST = "manifest.json"
FORMAT = 1
_KEYS = {"complete", "config_sha256", "config", "versions", "splits", "shards"}


def read_manifest(directory: str | Path) -> dict[str, Any]:
    """The manifest of a meta-dataset.

    Raises:
        DataError: missing, unreadable, of another format, or with a configuration that is not the one it was made with.
    """
    path = Path(directory) / MANIFEST
    try:
        manifest = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(f"no meta-dataset at {directory}: there is no {MANIFEST}") from error
    except ValueError as error:
        raise DataError(f"{path} is not JSON ({error})") from error
    return check_manifest(manifest, path)


def check_manifest(manifest: Any, path: Path | str) -> dict[str, Any]:
    """The same for values that were read already; `path` names them."""
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT or _KEYS - set(manifest):
        raise DataError(f"{path} is no manifest of format {FORMAT}")
    if (found := config_digest(manifest["config"])) != manifest["config_sha256"]:
        raise DataError(
            f"{path} has been changed: its configuration has the checksum {found[:12]}…, and it states "
            f"{str(manifest['config_sha256'])[:12]}…; restore it, or make the meta-dataset again"
        )
    return manifest


def config_digest(plain: Any) -> str:
    """SHA-256 of a configuration's plain values in a canonical form."""
    canonical = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
