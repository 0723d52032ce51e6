"""A larger network that begins where a smaller one ended.

Widths grow by copies: a unit and its copy share what the unit gave, in random shares that let them part ways (Net2Net:
Chen, Goodfellow and Shlens, 2016, arXiv 1511.05641). Layers grow by copies that add nothing yet. The answers stay near
those of the smaller network, not the same: the head's first norm counts copied features twice and given ones once. Only
more features of rows move them far: how strongly these are related is a sum over all of them.
"""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mutualist.errors import ConfigError
from mutualist.models import ModelConfig, MutualInfoNet
from mutualist.models.atoms import COLUMN_FEATURES, ESTIMATES
from mutualist.models.head import OUTPUTS

Index = NDArray[np.int64]

_GROWS = ("width", "pair_width", "layers", "heads", "row_width")
# How a layer changes its tokens and pairs:
_SILENT = ("out.", "pair_value.", "mlp.3.", "pair_out.", "read.", "summary.")
_NOISE = 0.1  # of the features of rows, relative to their spread: copies that stayed alike would be singular
_NOISY = ("project.weight", "features.weight")


def grown(net: MutualInfoNet, config: ModelConfig, seed: int = 0) -> MutualInfoNet:
    """A network of the larger `config` with the weights of `net`.

    Raises:
        ConfigError: `config` is smaller somewhere, or differs in more than widths, heads and layers.
    """
    old = net.config
    sizes = {name: getattr(config, name) for name in _GROWS}
    if replace(old, **sizes) != config or any(sizes[name] < getattr(old, name) for name in _GROWS):
        raise ConfigError(f"a network grows in {', '.join(_GROWS)} alone: {old} cannot become {config}")
    if config.width * old.heads != old.width * config.heads or old.layers < 2:
        raise ConfigError(
            f"heads keep their width, and layers are added to two or more: {old.heads} heads of {old.width} and "
            f"{old.layers} layers cannot become {config.heads} of {config.width} and {config.layers}"
        )
    rng = np.random.default_rng(seed)
    new = MutualInfoNet(config)
    weights, axes = net.state_dict(), _Axes(old, config)
    found = {}
    for name, there in new.state_dict().items():
        reader, _, weight = name.partition(".")
        source, silent = _source(weight, old.layers, config.layers)
        given = weights[f"{reader}.{source}"]
        values = axes.grown(source, axes.with_anchors(source, given) if reader == "several" else given, rng)
        if silent:
            values = torch.zeros_like(values)
        elif source.endswith(_NOISY) and config.row_width > old.row_width:
            noise = torch.from_numpy(rng.standard_normal(tuple(values.shape))).to(values)
            values = values + _NOISE * values.std() * noise
        found[name] = values.reshape(there.shape)
    new.load_state_dict(found)
    return new


def _source(name: str, old: int, new: int) -> tuple[str, bool]:
    """The weight that `name` is made from, and whether it must be silent at first. New layers come before the last."""
    room, _, rest = name.partition(".")
    if room not in ("columns", "rows"):
        return name, False
    number, _, weight = rest.partition(".")
    last = int(number) == new - 1
    layer = old - 1 if last else min(int(number), old - 2)
    silent = not last and int(number) > old - 2 and weight.startswith(_SILENT)
    return f"{room}.{layer}.{weight}", silent


class _Axes:
    """Which unit of the smaller network each unit of the larger one copies, for each axis of each weight."""

    def __init__(self, old: ModelConfig, new: ModelConfig) -> None:
        basis = old.cosines + 2
        token = _cycled(old.width, new.width)
        hidden = _cycled(2 * old.width, 2 * new.width)
        pair, wide_pair = _cycled(old.pair_width, new.pair_width), _cycled(2 * old.pair_width, 2 * new.pair_width)
        heads = _cycled(old.heads, new.heads)
        row, wide_row = _cycled(old.row_width, new.row_width), _cycled(2 * old.row_width, 2 * new.row_width)
        self.added = new.layers - old.layers
        none: Index | None = None
        self.by_name: dict[str, tuple[Index | None, Index | None]] = {
            "context.0": (token, none),
            "context.2": (token, token),
            "embed.moments": (wide_pair, none),
            "embed.moves": (wide_pair, none),
            "embed.more": (wide_pair, none),
            "embed.film": (_joined(wide_pair, wide_pair), token),
            "embed.out": (pair, wide_pair),
            "tokens": (token, _joined(pair, pair, np.arange(1 + COLUMN_FEATURES))),
            "norm": (token, none),
            "pair_norm": (pair, none),
            "qkv": (_joined(token, token, token), token),
            "bias": (heads, pair),
            "pair_value": (token, _nested(heads, pair)),
            "out": (token, token),
            "mlp.0": (token, none),
            "mlp.1": (hidden, token),
            "mlp.3": (token, hidden),
            "from_columns": (_joined(pair, pair), token),
            "pair_in": (pair, pair),
            "pair_out": (pair, pair),
            "rows.norm": (token, none),
            "rows.project": (_nested(np.arange(basis), wide_row), token),
            "rows.bias": (wide_row, token),
            "rows.features": (row, wide_row),
            "rows.read": (token, _nested(np.arange(2 * basis), row)),
            "rows.summary": (token, none),
            "head.trunk.1": (hidden, none),
            "head.trunk.3": (token, hidden),
            "head.column_norm": (token, none),
        } | {f"head.{name}": (none, token) for name in OUTPUTS}
        self.token, self.pair = token, pair

    def grown(self, name: str, values: Tensor, rng: np.random.Generator) -> Tensor:
        """The weight `name` (out, in) or (out,) of the smaller network, grown."""
        key = name.rpartition(".")[0]
        room, _, rest = key.partition(".")
        if room in ("columns", "rows"):
            key = rest.partition(".")[2] if room == "columns" else f"rows.{rest.partition('.')[2]}"
        if key in ("head.trunk.0", "head.trunk.1"):
            return self._trunk(key, values, rng)
        outputs, inputs = self.by_name[key]
        return _copied(values, outputs, inputs if values.ndim == 2 else None, rng)

    def _trunk(self, key: str, values: Tensor, rng: np.random.Generator) -> Tensor:
        """Of the head's summary: context, given context, mean and largest of the tokens, mean of the pairs."""
        old_w, old_p = int(self.token.max()) + 1, int(self.pair.max()) + 1
        given = values.shape[-1] - 3 * old_w - old_p
        if key == "head.trunk.1" and values.ndim == 1:
            return _copied(values, self.by_name[key][0], None, rng)
        summary = _joined(self.token, np.arange(given), self.token, self.token, self.pair)
        if key == "head.trunk.0":
            return _copied(values, summary, None, rng)
        return _copied(values, self.by_name[key][0], summary, rng)

    def with_anchors(self, name: str, values: Tensor) -> Tensor:
        """Rows of the head's weights: the anchor of the last attention over samples is shared with the added ones."""
        if not name.startswith("head.weights."):
            return values
        last = len(values) - 1 - ESTIMATES
        copies = [last] * (1 + self.added)
        index = [*range(last), *copies, *range(last + 1, len(values))]
        out = values[index].clone()
        if name.endswith("bias"):
            out[last : last + len(copies)] -= float(np.log(len(copies)))
        return out


def _copied(values: Tensor, outputs: Index | None, inputs: Index | None, rng: np.random.Generator) -> Tensor:
    """values (out, in) or (out,) with units copied; what copies of an input bring in adds up to what it brought."""
    if outputs is not None:
        values = values[torch.from_numpy(outputs)]
    if inputs is None:
        return values.clone()
    shares = rng.uniform(0.5, 1.5, (len(values), len(inputs)))
    total = np.zeros((len(values), values.shape[1]))
    np.add.at(total.T, inputs, shares.T)
    return values[:, torch.from_numpy(inputs)] * torch.from_numpy(shares / total[:, inputs]).to(values)


def _cycled(old: int, new: int) -> Index:
    return np.arange(new) % old


def _joined(*parts: Index) -> Index:
    """Units of several parts, one after the other."""
    starts = np.cumsum([0, *(int(part.max()) + 1 for part in parts)])
    return np.concatenate([part + start for part, start in zip(parts, starts[:-1], strict=True)])


def _nested(outer: Index, inner: Index) -> Index:
    """Units (outer, inner), the inner ones next to one another."""
    return (outer[:, None] * (int(inner.max()) + 1) + inner).ravel()
