"""Muon for the matrices between hidden layers, AdamW for everything else, as one optimiser."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

MOMENTUM = 0.95


class MuonAdamW(torch.optim.Optimizer):
    """Two optimisers in the place of one: one learning rate, one state, one step.

    Muon (Jordan, 2024) makes the steps of a matrix orthogonal, so that no direction of it is left behind; scaled as Liu
    et al. (2025, arXiv 2502.16982) do, its steps are as large as AdamW's and take the same learning rate.

    Args:
        hidden: matrices between hidden layers.
        others: other parameters; those with one axis (biases, scales) do not decay.
        lr: learning rate of both.
        weight_decay: decoupled weight decay of matrices.
        betas: decay of AdamW's moments.
    """

    def __init__(
        self,
        hidden: Iterable[nn.Parameter],
        others: Iterable[nn.Parameter],
        lr: float,
        weight_decay: float,
        betas: tuple[float, float],
    ) -> None:
        rest = list(others)
        groups = [
            {"params": [p for p in rest if p.ndim > 1], "weight_decay": weight_decay},
            {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0},
        ]
        self.parts: tuple[torch.optim.Optimizer, ...] = (
            torch.optim.Muon(
                hidden, lr=lr, weight_decay=weight_decay, momentum=MOMENTUM, adjust_lr_fn="match_rms_adamw"
            ),
            torch.optim.AdamW(groups, lr=lr, betas=betas),
        )
        super().__init__([group for part in self.parts for group in part.param_groups], {"lr": lr})
        self._share()

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self.parts:
            part.step()
        return loss

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self._share()

    def _share(self) -> None:
        """The parts work on the groups and the state of the whole, which schedulers and checkpoints see."""
        start = 0
        for part in self.parts:
            count = len(part.param_groups)
            part.param_groups = self.param_groups[start : start + count]
            part.state = self.state
            start += count
