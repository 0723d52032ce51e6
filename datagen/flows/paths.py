"""Where a configuration's fitted flows lie: paths made absolute, and flows pinned by their digest."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mutualist.datagen.families.fitted_flow import FittedFlowFamily, flow_digest
from mutualist.errors import ConfigError

if TYPE_CHECKING:
    from mutualist.datagen.config import Component, DatasetConfig

PATHS = {"flow": "digest", "flow_y": "digest_y"}


def pin_flows(config: "DatasetConfig", folder: Path) -> "DatasetConfig":
    """The configuration with relative paths of flows taken from `folder`, and with the digests of the flows.

    A worker whose working directory is another finds the flow all the same, and a run that goes on after the flow was
    fitted anew is seen to have another configuration. Without fitted flows the configuration is returned as it is.

    Raises:
        ConfigError: there is no flow at a path.
    """
    if not any(c.family == FittedFlowFamily.name for part in config.parts for c in part.components):
        return config
    parts = tuple(
        part.model_copy(update={"components": tuple(_pinned(c, folder, part.name) for c in part.components)})
        for part in config.parts
    )
    return config.model_copy(update={"parts": parts})


def _pinned(component: "Component", folder: Path, part: str) -> "Component":
    if component.family != FittedFlowFamily.name:
        return component
    options: dict[str, Any] = dict(component.options)
    for key, digest in PATHS.items():
        if (given := options.get(key)) is None:
            continue
        if not isinstance(given, str):
            raise ConfigError(f"parts.{part}: option {key}: {given!r}: give the directory of a fitted flow")
        path = (folder / Path(given).expanduser()).resolve()
        options[key] = str(path)
        options.setdefault(digest, flow_digest(path))
    return component.model_copy(update={"options": options})
