"""The manifest of a meta-dataset: its configuration, versions, counts, and the checksum of every shard.

Imports pyarrow and the standard library only, for training reads it too.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from mutualist.datagen.storage import Store
from mutualist.errors import DataError

MANIFEST = "manifest.json"
FORMAT = 1
_KEYS = {"complete", "config_sha256", "config", "versions", "splits", "shards"}


def read_manifest(place: str | Path | Store) -> dict[str, Any]:
    """The manifest of the meta-dataset at a path or URI.

    Raises:
        ConfigError, DataError: a URI that cannot be used.
        DataError: missing, unreadable, of another format, or with a configuration that is not the one it was made with.
    """
    store = place if isinstance(place, Store) else Store(place)
    if not store.exists(MANIFEST):
        raise DataError(f"no meta-dataset at {store}: there is no {MANIFEST}")
    try:
        manifest = json.loads(store.read(MANIFEST))
    except ValueError as error:
        raise DataError(f"{store.place(MANIFEST)} is not JSON ({error})") from error
    return check_manifest(manifest, store.place(MANIFEST))


def check_manifest(manifest: Any, path: str) -> dict[str, Any]:
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
