"""Families by name, so that a configuration can say `family: multivariate-normal`."""

from dataclasses import MISSING, fields
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
    if missing := [option for option in required_options(cls) if option not in options]:
        raise ConfigError(f"family {name!r} needs the options {missing}: give them under `options`")
    return cls(**options)


def required_options(cls: type[Family]) -> list[str]:
    """Options without a default, as of a family that reads a user's own file."""
    return [
        f.name
        for f in fields(cls)  # type: ignore[arg-type]
        if f.default is MISSING and f.default_factory is MISSING
    ]
