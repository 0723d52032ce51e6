"""Fits an `ErrorModel` to the errors of calibrated estimates on records that the network was never trained on."""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from torch import nn

from mutualist.errors import ConfigError
from mutualist.models.expected_error import CLIP, ErrorModel

_HIDDEN, _PASSES, _BATCH, _RATE, _DECAY = 32, 20, 256, 2e-3, 1.0
_FLOOR = 0.01  # nats: errors below it count as alike
_CURVE_SHARE, _BINS, _FEWEST = 0.25, 24, 40  # of the records, for the curve from scores to nats


def fit_errors(summaries: NDArray[np.floating], errors: NDArray[np.floating], seed: int = 0) -> ErrorModel:
    """The model of absolute errors (R,) in nats of samples with summaries (R, F).

    Three quarters of the records teach the score, which predicts the logarithm of the error; the others the curve from
    score to nats, by isotonic regression, so that an expected error of .1 means a mean error of .1 on records that the
    score was not fitted to.

    Raises:
        ConfigError: too few records.
    """
    if len(errors) < _FEWEST:
        raise ConfigError(f"expected errors need at least {_FEWEST} records, got {len(errors)}")
    order = np.random.default_rng(seed).permutation(len(errors))
    curve, taught = np.split(order, [int(_CURVE_SHARE * len(order))])
    values = np.asarray(summaries, np.float64)
    centre, scale = values[taught].mean(0), values[taught].std(0) + 1e-3
    inputs = torch.from_numpy(np.clip((values[taught] - centre) / scale, -CLIP, CLIP)).float()
    target = torch.from_numpy(np.log(errors[taught] + _FLOOR)).float()
    any_curve = np.array([0, 1], np.float32)
    layers = _learn(inputs, target, seed)
    model = ErrorModel(centre.astype(np.float32), scale.astype(np.float32), *layers, any_curve, any_curve)
    scores, means = _curve(model.score(values[curve]), errors[curve])
    return replace(model, scores=scores, errors=means)


def _learn(
    inputs: torch.Tensor, target: torch.Tensor, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Weights of the score: inner (F, H), its bias (H,), outer (H,)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inner, outer = nn.Linear(inputs.shape[1], _HIDDEN), nn.Linear(_HIDDEN, 1)
        optimizer = torch.optim.AdamW([*inner.parameters(), *outer.parameters()], lr=_RATE, weight_decay=_DECAY)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, _PASSES)
        for _ in range(_PASSES):
            for part in torch.randperm(len(inputs)).split(_BATCH):
                found = outer(torch.relu(inner(inputs[part])))[:, 0]
                loss = nn.functional.mse_loss(found, target[part])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            schedule.step()
    # The outer bias shifts every score alike, which the curve undoes.
    return (
        np.ascontiguousarray(inner.weight.detach().numpy().T),
        inner.bias.detach().numpy(),
        outer.weight.detach().numpy()[0],
    )


def _curve(
    scores: NDArray[np.float64], errors: NDArray[np.floating]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Scores and mean errors of as many bins as the records fill, not decreasing.

    Bins that share a mean become one point in their middle, so that between points the curve rises and keeps the order.
    """
    order = np.argsort(scores)
    bins = np.array_split(order, min(_BINS, max(2, len(order) // 5)))
    # Bins of one score are one: a curve has one value there.
    middle, same = np.unique([np.float32(scores[one].mean()) for one in bins], return_inverse=True)
    count = np.bincount(same, [len(one) for one in bins])
    means = np.bincount(same, [errors[one].sum() for one in bins]) / count
    means = isotonic_regression(means, weights=count).x
    levels, level = np.unique(means.astype(np.float32), return_inverse=True)
    middle = np.bincount(level, middle) / np.bincount(level)
    if len(levels) == 1:  # nothing tells errors apart
        return np.array([middle[0], middle[0] + 1], np.float32), np.repeat(levels, 2)
    return middle.astype(np.float32), levels
