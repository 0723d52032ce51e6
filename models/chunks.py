"""How much is held at once: on a processor what stays in its cache, on an accelerator what fills it."""

import torch

_FILL = 256


def at_once(elements: int, device: torch.device) -> int:
    """Elements to work on together, for `elements` that stay in a processor's cache."""
    return elements if device.type == "cpu" else _FILL * elements
