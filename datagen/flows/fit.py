"""Flows fitted to a table: from noise to rows that look like the table's, and back. Stored as safetensors and JSON.

A row is standardised, its columns are made normal one by one by splines, decorrelated by a triangular matrix, and then
mapped to standard normal noise by spline couplings (Durkan et al. 2019, arXiv:1906.04032), all trained together by
maximum likelihood. The map is a bijection, so whatever is known about the MI of noise with something else holds for
the synthetic rows as well.
"""

import hashlib
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load, save

from mutualist.datagen.flows.invertible import InvertibleFlow, Rows, random_flow, single_thread
from mutualist.datagen.flows.layers import Marginals, Triangular
from mutualist.errors import ConfigError, DataError, InputError

FORMAT = 1
WEIGHTS, DESCRIPTION = "flow.safetensors", "flow.json"
LAYERS, STEPS, BATCH = 3, 600, 256
# Of Adam, for up to 400 rows; in proportion more for more, which overfit later, up to five times as much.
LEARNING_RATE = 1e-3
# Steps between two looks at the rows held out, and looks without gain after which the fit ends.
LOOK, PATIENCE = 20, 8
WEIGHT_DECAY = 0.02
MAX_OFFSET = 1e4


@dataclass(frozen=True)
class FittedFlow:
    """A bijection between noise and rows like those of a table.

    Attributes:
        flow: from standardised rows to noise.
        location, scale: of the table's columns, shape (dim,).
        columns: their names.
        likelihood: mean log density of the rows by which the best step was picked, in nats per row; beside it that of
            a normal distribution with the table's mean and covariance.
        facts: further JSON-serialisable facts to store, such as a check on rows that the fit never saw.
    """

    flow: InvertibleFlow
    location: NDArray[np.float64]
    scale: NDArray[np.float64]
    columns: tuple[str, ...]
    likelihood: dict[str, float]
    facts: dict[str, Any] = field(default_factory=dict)

    def to_noise(self, rows: Rows) -> NDArray[np.float32]:
        """Rows like the table's, shape (n, dim), to noise of the same shape."""
        return self.flow.forward((np.asarray(rows, dtype=np.float64) - self.location) / self.scale)

    def from_noise(self, noise: Rows) -> NDArray[np.float64]:
        """Noise of shape (n, dim) to rows like the table's; undoes `to_noise`."""
        return self.flow.inverse(noise) * self.scale + self.location

    def sample(self, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """n synthetic rows, shape (n, dim)."""
        return self.from_noise(rng.standard_normal((n, self.flow.dim)))

    def log_density(self, rows: Rows) -> NDArray[np.float64]:
        """Log density of each row, shape (n,), in nats and the table's units."""
        scaled = (np.asarray(rows, dtype=np.float64) - self.location) / self.scale
        with torch.no_grad(), single_thread():
            values = _log_density(self.flow, torch.from_numpy(scaled.astype(np.float32)))
        return values.numpy().astype(np.float64) - float(np.log(self.scale).sum())

    def save(self, directory: Path) -> None:
        """Writes flow.safetensors and flow.json into `directory`, which is made if it is missing."""
        directory.mkdir(parents=True, exist_ok=True)
        weights = save(self.flow.layers.state_dict())
        (directory / WEIGHTS).write_bytes(weights)
        description = {
            "format": FORMAT,
            "layers": self.flow.parameters["layers"],
            "columns": list(self.columns),
            "location": self.location.tolist(),
            "scale": self.scale.tolist(),
            "likelihood": self.likelihood,
            "facts": self.facts,
            "weights_sha256": hashlib.sha256(weights).hexdigest(),
        }
        (directory / DESCRIPTION).write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, directory: Path) -> "FittedFlow":
        """Reads what `save` wrote. DataError if it is missing, damaged or of another format."""
        try:
            description: dict[str, Any] = json.loads((directory / DESCRIPTION).read_text(encoding="utf-8"))
            if description["format"] != FORMAT:
                raise DataError(
                    f"{directory} holds a flow of format {description['format']}; this release reads {FORMAT}"
                )
            weights = (directory / WEIGHTS).read_bytes()
            if hashlib.sha256(weights).hexdigest() != description["weights_sha256"]:
                raise ValueError(f"{WEIGHTS} is not the file that {DESCRIPTION} describes: truncated or changed")
            columns = tuple(str(name) for name in description["columns"])
            flow = _untrained(np.random.default_rng(0), len(columns), int(description["layers"]))
            flow.layers.load_state_dict(load(weights))
            location, scale = (np.array(description[key], dtype=np.float64) for key in ("location", "scale"))
            if not location.shape == scale.shape == (len(columns),):
                raise ValueError("location and scale must have one number per column")
            if not (np.isfinite(location).all() and np.isfinite(scale).all() and (scale > 0).all()):
                raise ValueError("location and scale must be finite, and scale above 0")
            if not all(bool(torch.isfinite(p).all()) for p in flow.layers.state_dict().values()):
                raise ValueError("a weight is not finite")
            return cls(flow, location, scale, columns, dict(description["likelihood"]), dict(description["facts"]))
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError, ConfigError) as error:
            reason = f"no key {error}" if isinstance(error, KeyError) else error
            raise DataError(f"{directory} holds no readable flow ({reason}); fit it again") from error


def _untrained(rng: np.random.Generator, dim: int, layers: int) -> InvertibleFlow:
    """Marginals and a linear map that do nothing yet, and couplings whose conditioners have random first layers."""
    couplings = random_flow(rng, dim, "spline", layers, strength=0.05)
    return InvertibleFlow(dim, [Marginals(dim), Triangular(dim), *couplings.sequence], {"layers": layers})


def fit_flow(
    table: Rows,
    rng: np.random.Generator,
    columns: tuple[str, ...] = (),
    layers: int = LAYERS,
    steps: int = STEPS,
    batch: int = BATCH,
    learning_rate: float | None = None,
    on_step: Callable[[int, float], None] = lambda step, best: None,
) -> FittedFlow:
    """Fits a flow to a table by maximum likelihood, on one thread; keeps the step with the best held-out likelihood.

    Args:
        table: rows, shape (n, dim) with n ≥ 50 and dim ≥ 2, finite; no column constant. Columns with ties (counts,
            labels) come out smooth: a flow has a density.
        rng: source of every random number: weights, the tenth of rows held out, batches.
        columns: names to store; by default c0, c1, …
        layers: couplings after the marginals and the linear map, 1 to 16.
        steps: at most; the fit ends earlier when the rows held out gain no more.
        batch, learning_rate: of Adam's descent, whose rate falls to 0 as a cosine; by default from 1e-3 for few rows
            to 5e-3 for 2,000 and more.
        on_step: called with the number of steps done and the best held-out likelihood (nats per row) so far.

    Raises:
        InputError: when the table has another shape, a value that is not finite, a constant column or one that lies
            too far from 0 for its spread; or when the fit diverges.
        ConfigError: when an option is out of range.
    """
    values = _checked(table)
    n, dim = values.shape
    names = columns or tuple(f"c{j}" for j in range(dim))
    if len(names) != dim:
        raise InputError(f"got {len(names)} column names for {dim} columns; give one for each")
    if learning_rate is None:
        learning_rate = LEARNING_RATE * min(5.0, max(1.0, n / 400))
    if steps < 1 or batch < 1 or not learning_rate > 0:
        raise ConfigError(f"steps={steps}, batch={batch}, learning_rate={learning_rate}: all must be above 0")
    location, scale = values.mean(axis=0), values.std(axis=0)
    units = float(np.log(scale).sum())
    shuffled = ((values - location) / scale)[rng.permutation(n)]
    rows = torch.from_numpy(shuffled.astype(np.float32))
    cut = max(1, n // 10)
    held_out, train = rows[:cut], rows[cut:]
    flow = _untrained(rng, dim, layers)
    _start(flow, shuffled[cut:])
    best, since, kept = -math.inf, 0, {}
    with single_thread():
        for step in _descent(flow, train, rng, steps, batch, learning_rate):
            if step % LOOK == 0 or step == steps:
                with torch.no_grad():
                    score = float(_log_density(flow, held_out).mean())
                if score > best:
                    best, since = score, step
                    kept = {k: v.clone() for k, v in flow.layers.state_dict().items()}
                if kept and step - since >= PATIENCE * LOOK:
                    break
            on_step(step, best - units)
    if not kept:
        raise InputError("the fit diverged: the likelihood is not finite; lower learning_rate or clip far-out rows")
    flow.layers.load_state_dict(kept)
    normal = torch.distributions.MultivariateNormal(train.mean(dim=0), torch.cov(train.T) + 1e-6 * torch.eye(dim))
    likelihood = {"flow": best - units, "normal": float(normal.log_prob(held_out).mean()) - units}
    return FittedFlow(flow, location, scale, tuple(names), likelihood)


def _start(flow: InvertibleFlow, rows: NDArray[np.float64]) -> None:
    """Begins where normal scores of the columns are decorrelated: a normal copula, which the couplings then bend."""
    marginals, linear = flow.sequence[:2]
    assert isinstance(marginals, Marginals)
    assert isinstance(linear, Triangular)
    marginals.start_at(rows)
    with torch.no_grad():
        scores, _ = marginals.forward(torch.from_numpy(rows.astype(np.float32)))
    linear.start_at(scores.numpy().astype(np.float64))


def _descent(
    flow: InvertibleFlow, train: torch.Tensor, rng: np.random.Generator, steps: int, batch: int, learning_rate: float
) -> Iterator[int]:
    """Yields 0 before the first step, then the number of each step that is done."""
    weights = [p.requires_grad_(True) for p in flow.layers.parameters()]
    optimiser = torch.optim.AdamW(weights, lr=learning_rate, weight_decay=WEIGHT_DECAY)
    try:
        yield 0
        for step in range(steps):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate * 0.5 * (1 + math.cos(math.pi * step / steps))
            picked = train[torch.from_numpy(rng.integers(0, len(train), batch))]
            loss = -_log_density(flow, picked).mean()
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, 5.0)
            optimiser.step()
            yield step + 1
    finally:
        for p in weights:
            p.requires_grad_(False)


def _log_density(flow: InvertibleFlow, rows: torch.Tensor) -> torch.Tensor:
    z, total = rows, rows.new_zeros(len(rows))
    for layer in flow.sequence:
        z, log_det = layer(z)
        total = total + log_det
    return total - 0.5 * (z * z).sum(dim=1) - 0.5 * z.shape[1] * math.log(2 * math.pi)


def _checked(table: Rows) -> NDArray[np.float64]:
    values = np.asarray(table, dtype=np.float64)
    if values.ndim != 2 or values.shape[0] < 50 or values.shape[1] < 2:
        raise InputError(f"a flow is fitted to at least 50 rows of at least 2 columns, got shape {values.shape}")
    if not np.isfinite(values).all():
        bad = int(np.argmin(np.isfinite(values).all(axis=0)))
        raise InputError(f"column {bad} holds NaN or infinite values; leave those rows out")
    if (np.ptp(values, axis=0) == 0).any():
        raise InputError(f"column {int(np.argmin(np.ptp(values, axis=0)))} is constant; leave it out")
    # Records are stored in float32, which has seven digits for location and spread together.
    offset = np.abs(values.mean(axis=0)) / values.std(axis=0)
    if (offset > MAX_OFFSET).any():
        raise InputError(
            f"column {int(np.argmax(offset))} lies {offset.max():.2g} standard deviations from 0, which leaves too few "
            "digits in float32; subtract a constant from it"
        )
    return values
