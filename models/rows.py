"""Attention over samples: learned features of whole rows of X and of Y, and what they tell about one another.

The column tokens write, for this sample, a small network that maps a row of X to a few features (and a row of Y, with
the same shared weights). Their cross-moments over the samples are linear attention along the sample axis. They show
dependence that no pair of columns shows, such as parity, interactions and oblique directions.
"""

import torch
from torch import Tensor, nn

RIDGE = 0.03


class RowAttention(nn.Module):
    """Reads learned features of rows back into the tokens, and measures how much the two sides' features share."""

    def __init__(self, width: int, basis: int, row_width: int) -> None:
        super().__init__()
        self.basis, self.row_width = basis, row_width
        self.norm = nn.LayerNorm(width)
        self.project = nn.Linear(width, basis * 2 * row_width)
        self.bias = nn.Linear(width, 2 * row_width)
        self.features = nn.Linear(2 * row_width, row_width)
        self.read = nn.Linear(2 * basis * row_width, width)
        self.summary = nn.Linear(3, width)

    def forward(
        self, tokens: Tensor, context: Tensor, features: Tensor, rows: Tensor, columns: Tensor, side: Tensor
    ) -> tuple[Tensor, Tensor]:
        """tokens (B, D, W), context (B, W), features (B, N, D, K), masks -> tokens, and learned Gaussian MI (B, 1).

        The second is -1/2 ln det(I - T T') for the whitened cross-covariance T of the two sides' features, in nats.
        """
        b, n, d, k = features.shape
        flat = features.reshape(b, n, d * k)
        weights = self.project(self.norm(tokens)).view(b, d, k, 1, -1)  # (B, D, K, 1, 2R)
        sides = torch.stack([columns & ~side, columns & side], -1).to(flat.dtype)  # (B, D, 2)
        sides = sides * sides.sum(1, keepdim=True).clamp(min=1).rsqrt()
        mixed = flat @ (weights * sides[:, :, None, :, None]).reshape(b, d * k, -1)  # (B, N, 4R): both sides at once
        mixed = mixed.view(b, n, 2, -1) + self.bias(context)[:, None, None]
        count = rows.sum(1).clamp(min=1).to(flat.dtype)[:, None, None]
        exists, total = rows[:, :, None, None], count[..., None]
        hidden = self.features(nn.functional.gelu(mixed)) * exists  # (B, N, 2, R)
        centred = (hidden - hidden.sum(1, keepdim=True) / total) * exists
        power = centred.square().sum(1, keepdim=True) / total
        learned = (centred * (power + 1e-4).rsqrt()).flatten(2)  # (B, N, 2R): of X, then of Y, unit variance
        own, other = self._read(flat, learned, side, (d, k), count)
        tokens = tokens + self.read(torch.cat([own, other], -1))
        shared, strength = self._shared(learned, count)
        summary = torch.stack([shared.log1p(), strength.log1p(), (strength * count[:, 0, 0].sqrt()).log1p()], 1)
        return tokens + self.summary(summary)[:, None] * columns[..., None], shared[:, None]

    def _read(
        self, flat: Tensor, learned: Tensor, side: Tensor, shape: tuple[int, int], count: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Moments of each column's basis with the features of its own side and of the other: (B, D, K * R) each."""
        b, (d, k) = flat.shape[0], shape
        moments = (flat.transpose(1, 2) @ learned / count).view(b, d, k, 2, self.row_width)
        of_x, of_y = moments[..., 0, :].flatten(2), moments[..., 1, :].flatten(2)
        is_y = side[..., None]
        return torch.where(is_y, of_y, of_x), torch.where(is_y, of_x, of_y)

    def _shared(self, learned: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
        """-1/2 ln det(I - T T') in nats, and the squared Frobenius norm of the raw cross-covariance: (B,) each."""
        with torch.autocast(learned.device.type, enabled=False):
            exact = torch.promote_types(learned.dtype, torch.float32)
            learned, r = learned.to(exact), self.row_width
            covariance = learned.transpose(1, 2) @ learned * ((1 - RIDGE) / count.to(exact))
            eye = torch.eye(r, device=learned.device, dtype=exact)
            within = torch.stack([covariance[:, :r, :r], covariance[:, r:, r:]])
            xx, yy = torch.linalg.cholesky(within + (RIDGE + 1e-5) * eye)
            xy = covariance[:, :r, r:]
            t = torch.linalg.solve_triangular(xx, xy, upper=False)
            t = torch.linalg.solve_triangular(yy, t.transpose(1, 2), upper=False)
            rest = torch.linalg.cholesky(eye * (1 + 1e-4) - t @ t.transpose(1, 2))
            shared = -rest.diagonal(dim1=1, dim2=2).log().sum(1)
        return shared.clamp(min=0), xy.square().sum((1, 2))
