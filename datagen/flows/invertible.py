"""Random invertible flows: nonlinear mixing of the columns of X, or of Y, that keeps mutual information.

MI does not change under an injective map of one side (Kraskov et al. 2004, appendix A). The layers are those of
`normflows` (Stimper et al. 2023, doi:10.21105/joss.05361): affine coupling (Dinh et al. 2017, arXiv:1605.08803) and
rational-quadratic spline coupling (Durkan et al. 2019, arXiv:1906.04032), with random rotations between them. Every
weight comes from the numpy Generator that is given; the random state of torch is neither read nor changed.

This module imports torch and normflows, which takes seconds: import it where a flow is needed.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import torch
from normflows.flows import AffineCouplingBlock
from normflows.flows.base import Flow
from normflows.flows.neural_spline.coupling import PiecewiseRationalQuadraticCoupling
from numpy.typing import NDArray
from torch import Tensor, nn

from mutualist.errors import ConfigError, InputError

Kind = Literal["coupling", "spline"]
Rows = NDArray[np.floating[Any]]
HIDDEN = 16
BINS = 8
# Splines act inside ±TAIL and are the identity outside: rows are expected to have columns of about unit scale.
TAIL = 3.5


class _Rotation(Flow):
    """z → z Q with Q orthogonal: without it half of the columns would never meet the others."""

    def __init__(self, matrix: Tensor) -> None:
        super().__init__()
        self.register_buffer("matrix", matrix)

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return z @ self.matrix, z.new_zeros(len(z))

    def inverse(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return z @ self.matrix.T, z.new_zeros(len(z))


class _Conditioner(nn.Module):
    """What a coupling layer does to one half of the columns, as a function of the other: tanh(z A + b) C + d.

    Bounded in z, so that far-out rows are scaled and shifted but never blown up.
    """

    # normflows divides the spline's logits by the root of this; they have their scale already.
    hidden_features = 1

    def __init__(self, first: Tensor, first_bias: Tensor, second: Tensor, second_bias: Tensor) -> None:
        super().__init__()
        self.first, self.first_bias = nn.Parameter(first, False), nn.Parameter(first_bias, False)
        self.second, self.second_bias = nn.Parameter(second, False), nn.Parameter(second_bias, False)

    def forward(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        return torch.tanh(z @ self.first + self.first_bias) @ self.second + self.second_bias


class InvertibleFlow:
    """A bijection of R^dim, evaluated in float32 without gradients on one thread.

    Attributes:
        dim: number of columns.
        sequence: the `normflows` layers, first applied first; `layers` holds their weights.
        parameters: what defines the flow besides its random numbers, JSON-serialisable.
    """

    def __init__(self, dim: int, layers: list[Flow], parameters: dict[str, Any]) -> None:
        self.dim = dim
        self.layers = nn.ModuleList(layers)
        self.sequence = layers
        self.parameters = parameters

    def forward(self, rows: Rows) -> NDArray[np.float32]:
        """Maps rows of shape (n, dim) to rows of the same shape. InputError for another shape."""
        return self._run(rows, [layer.forward for layer in self.sequence])

    def inverse(self, rows: Rows) -> NDArray[np.float32]:
        """The inverse of `forward`, within 1e-4 for rows of about unit scale."""
        return self._run(rows, [layer.inverse for layer in reversed(self.sequence)])

    def _run(self, rows: Rows, steps: list[Callable[[Tensor], tuple[Tensor, Tensor]]]) -> NDArray[np.float32]:
        if rows.ndim != 2 or rows.shape[1] != self.dim:
            raise InputError(f"the flow maps rows of {self.dim} columns, but got an array of shape {rows.shape}")
        z = torch.from_numpy(np.ascontiguousarray(rows, dtype=np.float32))
        with torch.no_grad(), single_thread():
            for step in steps:
                z, _ = step(z)
        out: NDArray[np.float32] = z.numpy()
        return out


@contextmanager
def single_thread() -> Iterator[None]:
    """torch on one thread within; the number of before afterwards."""
    threads = torch.get_num_threads()
    if threads == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def random_flow(
    rng: np.random.Generator, dim: int, kind: Kind | None = None, layers: int | None = None, strength: float = 1.0
) -> InvertibleFlow:
    """A flow with random weights.

    Args:
        rng: source of every random number.
        dim: number of columns, at least 2.
        kind: of the layers; one of both at random if not given.
        layers: their number; 2 or 3 (coupling: 2 to 4) if not given.
        strength: scale of the conditioners' outputs; 0 leaves rotations, 1 bends columns clearly.

    Raises:
        ConfigError: for fewer than 2 columns, an unknown kind, or layers or strength out of range.
    """
    if dim < 2:
        raise ConfigError(f"a flow mixes columns and needs at least 2, got dim={dim}; map single columns instead")
    if kind not in (None, "coupling", "spline"):
        raise ConfigError(f"unknown kind of flow {kind!r}: give 'coupling' or 'spline'")
    chosen: Kind = kind or ("coupling" if rng.random() < 0.5 else "spline")
    if layers is not None and not 1 <= layers <= 16:
        raise ConfigError(f"layers is {layers}; give a number from 1 to 16")
    if not 0.0 <= strength <= 2.0:
        raise ConfigError(
            f"strength is {strength}; give a number from 0 to 2, beyond which the inverse loses its digits"
        )
    count = layers or int(rng.integers(2, 5 if chosen == "coupling" else 4))
    steps: list[Flow] = []
    for _ in range(count):
        steps.append(_Rotation(_tensor(_orthogonal(rng, dim))))
        steps.append(_coupling(rng, dim, strength) if chosen == "coupling" else _spline(rng, dim, strength))
    steps.append(_Rotation(_tensor(_orthogonal(rng, dim))))
    return InvertibleFlow(dim, steps, {"kind": chosen, "layers": count, "strength": strength})


def _tensor(values: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))


def _orthogonal(rng: np.random.Generator, dim: int) -> NDArray[np.float64]:
    q, r = np.linalg.qr(rng.standard_normal((dim, dim)))
    return np.asarray(q * np.sign(np.diag(r)))


def _conditioner(rng: np.random.Generator, inputs: int, scales: NDArray[np.float64], bias: float) -> _Conditioner:
    """Random weights: `scales` (outputs,) are the standard deviations of the outputs."""
    gain = rng.uniform(0.7, 1.8)
    first = gain * rng.standard_normal((inputs, HIDDEN)) / np.sqrt(inputs)
    second = rng.standard_normal((HIDDEN, len(scales))) * scales * np.sqrt(2.0 / HIDDEN)
    offset = bias * rng.standard_normal(len(scales)) * scales
    return _Conditioner(_tensor(first), _tensor(rng.standard_normal(HIDDEN)), _tensor(second), _tensor(offset))


def _coupling(rng: np.random.Generator, dim: int, strength: float) -> Flow:
    outputs = dim // 2
    # Shifts and log scales alternate; a log scale of 0.35 means factors within 0.5 to 2.
    scales = strength * np.tile([1.0, 0.35], outputs)
    return AffineCouplingBlock(_conditioner(rng, dim - outputs, scales, 0.0))


def _spline(rng: np.random.Generator, dim: int, strength: float) -> Flow:
    mask = torch.arange(dim) % 2

    def conditioner(inputs: int, outputs: int) -> _Conditioner:
        return _conditioner(rng, inputs, np.full(outputs, 0.6 * strength), 0.5)

    return PiecewiseRationalQuadraticCoupling(
        mask,
        conditioner,
        num_bins=BINS,
        tails="linear",
        tail_bound=TAIL,
        # With slopes that are neither steep nor flat the inverse keeps four digits in float32.
        min_bin_width=0.05,
        min_bin_height=0.05,
        min_derivative=0.3,
    )
