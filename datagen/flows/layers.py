"""The layers that a flow fitted to a table has before its couplings: columns one by one, then a linear map."""

import numpy as np
import torch
from normflows.flows.base import Flow
from normflows.utils.splines import unconstrained_rational_quadratic_spline
from numpy.typing import NDArray
from scipy.special import ndtri
from torch import Tensor, nn

BINS = 12
# Splines act inside ±BOUND and are the identity outside; rows are standardised.
BOUND = 6.0
# Slopes and bins that are not extreme keep four digits of the round trip in float32.
MIN_SIZE, MIN_SLOPE = 0.01, 0.05


class Marginals(Flow):
    """A monotone rational-quadratic spline for each column (Durkan et al. 2019, arXiv:1906.04032), learned."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.widths = nn.Parameter(torch.zeros(dim, BINS), False)
        self.heights = nn.Parameter(torch.zeros(dim, BINS), False)
        self.slopes = nn.Parameter(torch.zeros(dim, BINS - 1), False)

    def start_at(self, rows: NDArray[np.float64]) -> None:
        """Puts the knots where quantiles of the columns of `rows` (standardised) go to normal scores."""
        n = len(rows)
        # Beyond the scores of the outermost rows there is nothing to go by.
        top = min(2.5, -ndtri(1.0 / n))
        scores = np.linspace(-top, top, BINS - 1)
        levels = 0.5 * (1 + torch.erf(torch.from_numpy(scores) / 2**0.5).numpy())
        for j in range(rows.shape[1]):
            knots = np.clip(np.quantile(rows[:, j], levels), -BOUND + 0.1, BOUND - 0.1)
            widths = np.diff(np.concatenate([[-BOUND], knots, [BOUND]]))
            heights = np.diff(np.concatenate([[-BOUND], scores, [BOUND]]))
            widths, heights = (np.maximum(v, 4 * BOUND * MIN_SIZE) for v in (widths, heights))
            ratio = heights / widths * (widths.sum() / heights.sum())
            slopes = np.sqrt(ratio[:-1] * ratio[1:])
            with torch.no_grad():
                self.widths[j] = _logits(widths)
                self.heights[j] = _logits(heights)
                # softplus(u) + MIN_SLOPE is the slope.
                above = np.maximum(slopes - MIN_SLOPE, 0.05)
                self.slopes[j] = torch.from_numpy(np.log(np.expm1(above)).astype(np.float32))

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self._spline(z, False)

    def inverse(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self._spline(z, True)

    def _spline(self, z: Tensor, inverse: bool) -> tuple[Tensor, Tensor]:
        parts = (p.expand(len(z), *p.shape) for p in (self.widths, self.heights, self.slopes))
        out, log_slope = unconstrained_rational_quadratic_spline(
            z,
            *parts,
            inverse=inverse,
            tail_bound=BOUND,
            min_bin_width=MIN_SIZE,
            min_bin_height=MIN_SIZE,
            min_derivative=MIN_SLOPE,
        )
        return out, log_slope.sum(dim=1)


def _logits(sizes: NDArray[np.float64]) -> Tensor:
    """What gives these sizes of bins: MIN_SIZE + (1 − MIN_SIZE · BINS) softmax(logits), as shares of the whole."""
    shares = np.maximum(sizes / sizes.sum() - MIN_SIZE, 1e-4)
    return torch.from_numpy(np.log(shares).astype(np.float32))


class Triangular(Flow):
    """z → z Lᵀ with L lower triangular of positive diagonal, learned: what takes correlation away."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.below = nn.Parameter(torch.zeros(dim, dim), False)
        self.log_diagonal = nn.Parameter(torch.zeros(dim), False)

    def start_at(self, rows: NDArray[np.float64]) -> None:
        """L = the inverse of the Cholesky factor of the covariance: uncorrelated columns of unit variance."""
        covariance = np.cov(rows.T) + 1e-4 * np.eye(rows.shape[1])
        inverse = np.linalg.inv(np.linalg.cholesky(covariance)).astype(np.float32)
        with torch.no_grad():
            self.below.copy_(torch.from_numpy(np.tril(inverse, -1)))
            self.log_diagonal.copy_(torch.from_numpy(np.log(np.diag(inverse))))

    def _matrix(self) -> Tensor:
        return torch.tril(self.below, -1) + torch.diag(self.log_diagonal.exp())

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return z @ self._matrix().T, self.log_diagonal.sum().expand(len(z))

    def inverse(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        solved = torch.linalg.solve_triangular(self._matrix().T, z, upper=True, left=False)
        return solved, -self.log_diagonal.sum().expand(len(z))
