"""The network for one pair of single columns, in numpy: the same numbers in two fifths of the time.

Of one such answer the arithmetic takes microseconds, and the rest is what torch spends on each of 150 small operations.
Where there are several pairs, `MutualInfoNet.read` takes them at once. Shapes: D = 2 columns, width W, pair width P.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from mutualist.models.atoms import ESTIMATES
from mutualist.models.columns import ColumnAttention
from mutualist.models.describe import Description
from mutualist.models.head import COLUMN_STEP, CORRECTION_STEP, SHARPNESS
from mutualist.models.network import MutualInfoNet

Array = NDArray[np.float32]
EPSILON = np.float32(1e-5)  # torch's own, of layer norms


class SinglePair:
    """`net.read` for samples of one X and one Y column, one at a time. Keeps a copy of its weights as they are now."""

    def __init__(self, net: MutualInfoNet) -> None:
        self.median = net.config.median
        self.heads = [layer.heads for layer in net.single.columns if isinstance(layer, ColumnAttention)]
        self.weights = {
            name: np.ascontiguousarray(tensor.detach().numpy().T) for name, tensor in net.single.state_dict().items()
        }

    def read(self, sample: Description) -> tuple[Array, Array]:
        """Quantiles (1, Q) in nats, and the vector (1, F) that sums up the sample."""
        if sample.fine is None or len(sample.context) != 1:
            raise ValueError(f"one sample of two columns is wanted, not {len(sample.context)}")
        given, anchors = sample.context.numpy(), sample.anchors.numpy()[0]
        w = _Layers(self.weights)
        context = w.linear("context.2", _gelu(w.linear("context.0", given)))  # (1, W)
        film = w.linear("embed.film", context)[0]
        scale, shift = film[: len(film) // 2], film[len(film) // 2 :]
        hidden = w.linear("embed.moments", sample.moments.numpy()[0]) + w.linear("embed.moves", sample.moves.numpy()[0])
        hidden = (hidden + w.linear("embed.more", sample.fine.numpy()[0])) * (1 + scale) + shift
        pairs = w.linear("embed.out", _gelu(hidden))  # (2, 2, P)
        atoms = sample.atoms
        itself, other, derived = pairs[[0, 1], [0, 1]], pairs[[0, 1], [1, 0]], np.zeros((2, 1), np.float32)
        ends = np.concatenate([itself, other, derived, atoms.columns.numpy()[0]], 1)
        tokens = w.linear("tokens", ends) + context
        for i, heads in enumerate(self.heads):
            tokens, pairs = _attend(_Layers(self.weights, f"columns.{i}."), tokens, pairs, heads)
        crossing = (pairs[0, 1] + pairs[1, 0]) / 2
        pooled = np.concatenate([context[0], given[0], tokens.sum(0), tokens.max(0), crossing])[None]
        anchors = np.concatenate([anchors, atoms.estimates.numpy()[0]])
        known = np.concatenate([np.ones(len(anchors) - ESTIMATES, bool), atoms.known.numpy()[0]])
        return self._quantiles(_Layers(self.weights, "head."), pooled, tokens, anchors, known), pooled

    def _quantiles(self, w: "_Layers", pooled: Array, tokens: Array, anchors: Array, known: NDArray[np.bool_]) -> Array:
        """`QuantileHead.forward`."""
        hidden = _gelu(w.linear("trunk.1", w.norm("trunk.0", pooled)))
        hidden = _gelu(w.linear("trunk.3", hidden))
        gain, offset = CORRECTION_STEP * w.linear("correction", hidden)[0]
        added = COLUMN_STEP * w.linear("column", w.norm("column_norm", tokens)).sum()
        given = _softmax(w.linear("weights", hidden)[0, known])
        middle = (given * anchors[known]).sum() * (1 + gain) + offset + added
        scale = (0.05 + 0.2 * max(middle, 0)) * np.exp(np.clip(CORRECTION_STEP * w.linear("scale", hidden)[0], -6, 6))
        steps = scale * _softplus(w.linear("increments", hidden)[0] - 1)
        below, above = steps[: self.median], steps[self.median :]
        raw = middle + np.concatenate([-below[::-1].cumsum()[::-1], [0], above.cumsum()])
        return np.asarray(_softplus(raw * SHARPNESS) / SHARPNESS, np.float32)[None]


class _Layers:
    """Linear layers and layer norms by their names below a prefix."""

    def __init__(self, weights: Mapping[str, Array], prefix: str = "") -> None:
        self.weights, self.prefix = weights, prefix

    def linear(self, name: str, values: Array) -> Array:
        out: Array = values @ self.weights[f"{self.prefix}{name}.weight"]
        bias = self.weights.get(f"{self.prefix}{name}.bias")
        return out if bias is None else out + bias

    def norm(self, name: str, values: Array) -> Array:
        centred = values - values.mean(-1, keepdims=True)
        power = np.einsum("...i,...i->...", centred, centred)[..., None] / np.float32(values.shape[-1])
        gain, offset = (self.weights[f"{self.prefix}{name}.{part}"] for part in ("weight", "bias"))
        return np.asarray(centred / np.sqrt(power + EPSILON) * gain + offset)


def _attend(w: _Layers, tokens: Array, pairs: Array, heads: int) -> tuple[Array, Array]:
    """`ColumnAttention.forward` for tokens (2, W) and pairs (2, 2, P)."""
    d, width = tokens.shape
    known = w.norm("pair_norm", pairs)
    q, k, v = w.linear("qkv", w.norm("norm", tokens)).reshape(d, 3, heads, -1).transpose(1, 2, 0, 3)  # (H, D, W / H)
    logits = q @ k.transpose(0, 2, 1) / np.float32((width // heads) ** 0.5) + w.linear("bias", known).transpose(2, 0, 1)
    weights = _softmax(logits)  # (H, D, D)
    read = (weights @ v).transpose(1, 0, 2).reshape(d, width)
    read_pairs = (weights.transpose(1, 0, 2) @ known).reshape(d, -1)
    tokens = tokens + w.linear("out", read) + w.linear("pair_value", read_pairs)
    tokens = tokens + w.linear("mlp.3", _gelu(w.linear("mlp.1", w.norm("mlp.0", tokens))))
    ends = w.linear("from_columns", tokens)
    hidden = w.linear("pair_in", known) + ends[:, None, : pairs.shape[2]] + ends[:, pairs.shape[2] :]
    return tokens, pairs + w.linear("pair_out", _gelu(hidden))


def _gelu(values: Array) -> Array:
    return np.asarray(values * ndtr(values))


def _softmax(values: Array) -> Array:
    powers = np.exp(values - values.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True))


def _softplus(values: Array) -> Array:
    return np.asarray(np.logaddexp(values, 0))
