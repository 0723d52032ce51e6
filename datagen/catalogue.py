"""`mutualist datagen families`: what a configuration can name, from the docstrings."""

import inspect
from dataclasses import MISSING, fields
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from mutualist.errors import ConfigError


def families(
    name: Annotated[str | None, typer.Argument(help="A family or transform: its formula, source and options.")] = None,
) -> None:
    """List the families and transforms that a configuration can name, or say all of one."""
    known = _known()
    console = Console()
    if name is None:
        table = Table("", "name", "what it is", box=None, pad_edge=False)
        for key, (kind, cls) in sorted(known.items(), key=lambda item: (item[1][0], item[0])):
            table.add_row(kind, key, _text(cls).partition("\n")[0])
        console.print(table, highlight=False)
        return
    if name not in known:
        raise ConfigError(f"no family or transform {name!r}; `mutualist datagen families` lists them")
    kind, cls = known[name]
    console.print(f"{kind} {name}\n\n{_text(cls)}\n\nOptions:", markup=False, highlight=False, soft_wrap=True)
    for field in fields(cls):
        console.print(f"  {field.name}: {_default(field)}", markup=False, highlight=False, soft_wrap=True)


def _known() -> dict[str, tuple[str, Any]]:
    import mutualist.datagen.prior  # noqa: F401  registers everything
    from mutualist.datagen.registry import FAMILIES
    from mutualist.datagen.transforms import TRANSFORMS

    return {key: ("transform", cls) for key, cls in TRANSFORMS.items()} | {
        key: ("family", cls) for key, cls in FAMILIES.items()
    }


def _text(cls: Any) -> str:
    return inspect.cleandoc(cls.__doc__)


def _default(field: Any) -> str:
    if field.default_factory is not MISSING:
        return str(field.default_factory())
    return "must be given" if field.default is MISSING else str(field.default)
