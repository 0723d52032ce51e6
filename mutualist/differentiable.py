"""Mutual information of torch tensors, with gradients: for learning what tells most about a target."""

import copy
from collections.abc import Sequence
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mutualist.errors import InputError
from mutualist.estimator import MutualInfoEstimator
from mutualist.inputs import MIN_ROWS
from mutualist.models import MutualInfoNet, scores_from_ranks
from mutualist.models.atoms import find_atoms
from mutualist.models.bundle import Bundle
from mutualist.models.quantiles import interpolate
from mutualist.models.scores import random_ranks
from mutualist.models.smooth import smooth_scores
from mutualist.result import DEFAULT_QUANTILES, check_level

TIE_SEED = 0
STEP = 1e-6  # nats, of the differences that give the slopes of the calibration
_copies: "WeakKeyDictionary[MutualInfoNet, dict[tuple[torch.device, torch.dtype], MutualInfoNet]]" = WeakKeyDictionary()


def mutual_information(
    x: Tensor,
    y: Tensor,
    *,
    levels: Sequence[float] = DEFAULT_QUANTILES,
    estimator: MutualInfoEstimator | None = None,
) -> Tensor:
    """Quantiles of I(X; Y) in nats, with gradients to whichever of x and y asks for them.

    >>> w = torch.randn(10, 1, requires_grad=True)
    >>> low, median, high = mutual_information(table @ w, target)
    >>> median.backward()      # w.grad: how to turn w so that the projection tells more about the target

    The value is that of `MutualInfoEstimator.estimate`, with three differences. A tensor that requires a gradient is
    ranked smoothly (`mutualist.models.smooth`; docs/differentiable.md says what this costs). The order of rows decides
    how ties are broken, and which rows are looked at where there are too many for all. And it is the calibrated answer
    of the network alone: what `estimate` adds by rule (independent blocks of columns, repeated columns, the pair that
    shares most, the entropy of a side with few values, gaps of very many rows) would mostly make it jump. There are
    first derivatives only.

    Args:
        x: real numbers, shape (n,), (n, dx), or (B, n, dx) for B samples of n rows each.
        y: as x, with the same B and n.
        levels: the quantiles asked for, each in (0, 1): the lower end, the median and the upper end of the 90 %
            interval by default.
        estimator: whose weights answer; the bundled ones by default.

    Returns:
        (Q,) nats at the Q levels, not decreasing; (B, Q) for B samples. float64 if x or y is, otherwise float32.

    Raises:
        InputError: x and y are no tensors of such shapes, hold NaN or infinities, or have fewer than 4 rows.
    """
    asked = np.array([check_level(level, "levels") for level in levels])
    if not len(asked) or (np.diff(asked) <= 0).any():
        raise InputError(f"levels are {tuple(levels)}; give at least one, in increasing order")
    a, b = _checked(x, "x"), _checked(y, "y")
    if (x.ndim == 3) != (y.ndim == 3) or a.shape[:2] != b.shape[:2]:
        raise InputError(
            f"x has shape {tuple(x.shape)} and y {tuple(y.shape)}; give (n, dx) and (n, dy) of the same rows, or "
            "(B, n, dx) and (B, n, dy) for B samples of n rows each"
        )
    if x.device != y.device:
        raise InputError(f"x is on {x.device} and y on {y.device}; move one to the other's device")
    dtype = torch.promote_types(torch.promote_types(a.dtype, b.dtype), torch.float32)
    bundle = (estimator or _bundled()).bundle
    generator = torch.Generator(x.device).manual_seed(TIE_SEED)
    exists = torch.ones(a.shape[:2], dtype=torch.bool, device=x.device)
    parts = [_scores(part, exists, generator, dtype) for part in (a, b)]
    scores, ranks, shared = (torch.cat(each, 2) for each in zip(*parts, strict=True))
    side = torch.arange(scores.shape[2], device=x.device).expand(len(a), -1) >= a.shape[2]
    net = _network(bundle.net, x.device, dtype)
    smooth = x.requires_grad or y.requires_grad
    columns = torch.ones_like(side)
    atoms = find_atoms(ranks, shared, side, exists, columns, scores if smooth else None)
    raw = net(scores, side, exists, columns, smooth, atoms)
    shape, tied = (a.shape[1], a.shape[2], b.shape[2]), atoms.tied.cpu().numpy()
    answer: Tensor = _Calibrated.apply(raw, bundle, asked, shape, tied)
    return answer if x.ndim == 3 else answer[0]


def _checked(values: Any, name: str) -> Tensor:
    """`values` as (B, n, d), if they can be used."""
    if not isinstance(values, Tensor):
        raise InputError(
            f"{name} is a {type(values).__name__}; give a torch tensor, or use MutualInfoEstimator.estimate for arrays"
        )
    if values.is_complex():
        raise InputError(f"{name} has dtype {values.dtype}; give real numbers")
    if not 1 <= values.ndim <= 3 or 0 in values.shape:
        raise InputError(f"{name} has shape {tuple(values.shape)}; give (n,), (n, d) or (B, n, d), none of them 0")
    whole = values[None, :, None] if values.ndim == 1 else values[None] if values.ndim == 2 else values
    if whole.shape[1] < MIN_ROWS:
        raise InputError(f"{name} has {whole.shape[1]} rows, at least {MIN_ROWS} are needed; give more rows")
    if not bool(torch.isfinite(whole).all()):
        raise InputError(f"{name} holds NaN or infinite values; leave these rows out")
    return whole


def _scores(
    values: Tensor, exists: Tensor, generator: torch.Generator, dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor]:
    """Normal scores (B, n, d), smooth where a gradient is asked for, ranks, and ranks that equal values share.

    Ranks are those of the values as they came: float32 would make neighbouring integers of eight digits equal.
    """
    exact = torch.promote_types(values.dtype, torch.float32) if values.is_floating_point() else torch.float64
    ranks, shared = random_ranks(values.detach().to(exact), exists, generator)
    if values.requires_grad:
        return smooth_scores(values.to(dtype), ranks), ranks, shared
    return scores_from_ranks(ranks, exists).to(dtype), ranks, shared


@cache
def _bundled() -> MutualInfoEstimator:
    return MutualInfoEstimator.from_pretrained()


def _network(net: MutualInfoNet, device: torch.device, dtype: torch.dtype) -> MutualInfoNet:
    """The network on `device` in `dtype`; copies are kept as long as the original."""
    copies = _copies.setdefault(net, {})
    if (device, dtype) not in copies:
        copies[device, dtype] = copy.deepcopy(net).to(device, dtype)
    return copies[device, dtype]


class _Calibrated(torch.autograd.Function):
    """Raw quantiles (B, Q) to calibrated ones at the levels asked for (B, A).

    Calibration is numpy's, and nearly linear from joint to joint, so that differences give its slopes.
    """

    @staticmethod
    def forward(
        ctx: Any,
        raw: Tensor,
        bundle: Bundle,
        asked: NDArray[np.float64],
        shape: tuple[int, int, int],
        tied: NDArray[np.floating],
    ) -> Tensor:
        quantiles = raw.detach().double().cpu().numpy()
        ctx.save_for_backward(raw)
        ctx.bundle, ctx.asked, ctx.shape, ctx.tied = bundle, asked, shape, tied
        return torch.from_numpy(_calibrate(bundle, quantiles, asked, shape, tied)).to(raw)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None, None]:
        if torch.is_grad_enabled():  # create_graph=True: what follows would be a constant to it
            raise InputError("mutual_information has first derivatives only; differentiate without create_graph=True")
        (raw,) = ctx.saved_tensors
        quantiles = raw.detach().double().cpu().numpy()
        b, q = quantiles.shape
        steps = STEP * np.eye(q)
        moved = np.stack([quantiles[:, None] + steps, quantiles[:, None] - steps])  # (2, B, Q, Q)
        tied = np.broadcast_to(ctx.tied[:, None], (2, b, q)).reshape(-1)
        up, down = _calibrate(ctx.bundle, moved.reshape(-1, q), ctx.asked, ctx.shape, tied).reshape(2, b, q, -1)
        slopes = torch.from_numpy((up - down) / (2 * STEP)).to(grad)  # (B, Q, A)
        return (slopes @ grad[..., None])[..., 0], None, None, None, None


def _calibrate(
    bundle: Bundle,
    raw: NDArray[np.float64],
    asked: NDArray[np.float64],
    shape: tuple[int, int, int],
    tied: NDArray[np.floating],
) -> NDArray[np.float64]:
    levels = np.array(bundle.net.config.levels)
    return np.asarray(interpolate(levels, bundle.calibration.apply(raw, *shape, tied), asked))
