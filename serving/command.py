"""`mutualist serve` and `mutualist serve-key`."""

import sys
from collections.abc import Sequence

from mutualist.serving.http.keys import PER_MINUTE, digest, new_key
from mutualist.serving.server import serve
from mutualist.serving.settings import load_settings


def main(arguments: Sequence[str]) -> None:
    """Serves until it is told to stop."""
    serve(load_settings(arguments))


def print_key(name: str) -> None:
    """Prints a new key, which is kept nowhere, to stderr, and to stdout the entry that lets it in."""
    key = new_key()
    print(f"The key, shown this once:\n\n  {key}\n\nAdd this to the file of --keys-file:\n", file=sys.stderr)
    print(f'[{name}]\nsha256 = "{digest(key)}"\nper_minute = {PER_MINUTE}')
