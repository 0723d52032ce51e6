"""What arrays that come from a file must be before anything is computed with them."""

from collections.abc import Mapping

import numpy as np

from mutualist.errors import ConfigError


def check_arrays(what: str, holder: object, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raises ConfigError unless each named array of `holder` has its shape and is finite."""
    for name, shape in shapes.items():
        found = getattr(holder, name)
        if found.shape != shape or not np.isfinite(found).all():
            raise ConfigError(f"{what}: {name} must be finite and of shape {shape}, got {found.shape}")
