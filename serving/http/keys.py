"""API keys: only their hashes are stored, and each has a rate of its own."""

import hashlib
import secrets
import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mutualist.errors import ConfigError
from mutualist.serving.http.problems import Refusal
from mutualist.serving.http.rates import Rates

PER_MINUTE = 6000


class Key(BaseModel):
    """An entry of the file.

    A key is 32 random bytes, so its plain SHA-256 cannot be turned round by trying.
    """

    model_config = ConfigDict(extra="forbid")

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    per_minute: Annotated[float, Field(gt=0)] = PER_MINUTE


class Keys:
    """Who may ask, and how often.

    Args:
        entries: by name.
        shared: file that worker processes share to count requests together; None counts in this process.
    """

    def __init__(self, entries: dict[str, Key], shared: Path | None = None) -> None:
        self._names = {key.sha256: name for name, key in entries.items()}
        self._rates = Rates({name: key.per_minute for name, key in entries.items()}, shared)

    def admit(self, authorization: str) -> str:
        """The name of the key in an Authorization header; Refusal 401 for none, 429 for too many requests."""
        scheme, _, key = authorization.partition(" ")
        # Found by its hash: how long the search takes says nothing about a key that is not known.
        name = self._names.get(digest(key.strip())) if scheme.lower() == "bearer" else None
        if name is None:
            raise Refusal(401, "no known API key came with the request; send it as Authorization: Bearer KEY")
        if wait := self._rates.wait(name):
            raise Refusal(429, "this key has asked too often; send the request again after Retry-After", wait)
        return name

    def close(self) -> None:
        """Gives back what workers share."""
        self._rates.close()


def digest(key: str) -> str:
    """SHA-256 of a key, in hexadecimal."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def new_key() -> str:
    """A key that nobody can guess."""
    return "mi_" + secrets.token_urlsafe(32)


def read_keys(path: Path, shared: Path | None = None) -> Keys:
    """The keys of a TOML file; raises ConfigError."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        entries = {name: Key.model_validate(table) for name, table in tables.items()}
    except OSError as error:
        raise ConfigError(f"the keys file {path} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ConfigError(
            f"the keys file {path}: {'.'.join(map(str, first['loc'])) or 'an entry'}: {first['msg']}; write what "
            "`mutualist serve-key NAME` prints"
        ) from None
    except ValueError as error:
        raise ConfigError(f"the keys file {path} is not TOML: {error}") from None
    if not entries:
        raise ConfigError(f"the keys file {path} holds no key; add what `mutualist serve-key NAME` prints")
    return Keys(entries, shared)
