"""Families by name, so that a configuration can say `family: multivariate-normal`."""

from dataclasses import fields
from typing import Any, TypeVar

from mutualist.datagen.interface import Family
from mutualist.errors import ConfigError

FAMILIES: dict[str, type[Family]] = {}
F = TypeVar("F", bound=type[Family])


def register(cls: F) -> F:
    """Class decorator: makes the family known under its `name`."""
    if cls.name in FAMILIES:
        raise ValueError(f"two families are called {cls.name!r}")
    FAMILIES[cls.name] = cls
    return cls


def make_family(name: str, options: dict[str, Any]) -> Family:
    """The family called `name` with the given options; unknown names and options raise ConfigError."""
    if name not in FAMILIES:
        raise ConfigError(f"unknown family {name!r}; known: {', '.join(sorted(FAMILIES))}")
    cls = FAMILIES[name]
    known = {f.name for f in fields(cls)}  # type: ignore[arg-type]
    if unknown := set(options) - known:
        raise ConfigError(f"family {name!r} has no option {sorted(unknown)}; it takes {sorted(known)}")
    return cls(**options)
