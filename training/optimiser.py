"""Muon for the matrices between hidden layers, AdamW for everything else, as one optimiser."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

MOMENTUM = 0.95
_COEFFICIENTS, _ITERATIONS, _LEAST = (3.4445, -4.775, 2.0315), 5, 1e-7  # of the iteration, as in torch.optim.Muon


class StackedMuon(torch.optim.Muon):
    """torch's Muon with one product for all matrices of a shape: a small network has many small ones.

    The same bits in three quarters of the time on a processor; an accelerator, which takes longer to start an operation
    than these products last, has far fewer to start.
    """

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            momentum, rate = group["momentum"], group["lr"]
            alike: dict[tuple[int, ...], list[torch.Tensor]] = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    alike.setdefault(tuple(parameter.shape), []).append(parameter)
            for shape, parameters in alike.items():
                gradients = [p.grad for p in parameters if p.grad is not None]
                for p in parameters:
                    if "momentum_buffer" not in self.state[p]:
                        self.state[p]["momentum_buffer"] = torch.zeros_like(p, memory_format=torch.preserve_format)
                kept = [self.state[p]["momentum_buffer"] for p in parameters]
                torch._foreach_lerp_(kept, gradients, 1 - momentum)
                updates = _orthogonal(torch.stack(torch._foreach_lerp(gradients, kept, momentum)))
                torch._foreach_mul_(parameters, 1 - rate * group["weight_decay"])
                step = 0.2 * max(shape) ** 0.5 * rate  # as large as AdamW's (Liu et al., 2025)
                torch._foreach_add_(parameters, list(updates.to(parameters[0].dtype).unbind()), alpha=-step)


def _orthogonal(matrices: torch.Tensor) -> torch.Tensor:
    """Matrices (K, M, N) with all singular values near 1, by Newton and Schulz' iteration in bfloat16."""
    a, b, c = _COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.bfloat16()
    x = x.transpose(1, 2) if tall else x
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=_LEAST)
    for _ in range(_ITERATIONS):
        gram = x @ x.transpose(1, 2)
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.transpose(1, 2) if tall else x


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
            StackedMuon(hidden, lr=lr, weight_decay=weight_decay, momentum=MOMENTUM),
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
