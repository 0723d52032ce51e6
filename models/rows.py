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
        weights = self.project(self.norm(tokens)).view(b, d, k, -1)  # (B, D, K, 2R)
        bias = self.bias(context)[:, None]
        count = rows.sum(1).clamp(min=1).to(flat.dtype)[:, None, None]
        learned = []
        for mask in (columns & ~side, columns & side):
            scale = mask.sum(1).clamp(min=1).to(flat.dtype).rsqrt()[:, None, None]
            mixed = flat @ (weights * mask[:, :, None, None]).reshape(b, d * k, -1) * scale  # (B, N, 2R)
            hidden = self.features(nn.functional.gelu(mixed + bias)) * rows[..., None]
            centred = (hidden - hidden.sum(1, keepdim=True) / count) * rows[..., None]
            power = centred.square().sum(1, keepdim=True) / count
            learned.append(centred * (power + 1e-4).rsqrt())
        x, y = learned  # (B, N, R), unit variance
        own, other = self._read(flat, x, y, side, (d, k), count)
        tokens = tokens + self.read(torch.cat([own, other], -1))
        shared, strength = self._shared(x, y, count)
        summary = torch.stack([shared.log1p(), strength.log1p(), (strength * count[:, 0, 0].sqrt()).log1p()], 1)
        return tokens + self.summary(summary)[:, None] * columns[..., None], shared[:, None]

    def _read(
        self, flat: Tensor, x: Tensor, y: Tensor, side: Tensor, shape: tuple[int, int], count: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Moments of each column's basis with the features of its own side and of the other: (B, D, K * R) each."""
        b, (d, k) = flat.shape[0], shape
        moments = (flat.transpose(1, 2) @ torch.cat([x, y], 2) / count).view(b, d, k, 2, self.row_width)
        of_x, of_y = moments[..., 0, :].flatten(2), moments[..., 1, :].flatten(2)
        is_y = side[..., None]
        return torch.where(is_y, of_y, of_x), torch.where(is_y, of_x, of_y)

    def _shared(self, x: Tensor, y: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
        """-1/2 ln det(I - T T') in nats, and the squared Frobenius norm of the raw cross-covariance: (B,) each."""
        with torch.autocast(x.device.type, enabled=False):
            x, y, count = x.float(), y.float(), count.float()
            eye = torch.eye(self.row_width, device=x.device)
            xx = torch.linalg.cholesky(x.transpose(1, 2) @ x / count * (1 - RIDGE) + RIDGE * eye + 1e-5 * eye)
            yy = torch.linalg.cholesky(y.transpose(1, 2) @ y / count * (1 - RIDGE) + RIDGE * eye + 1e-5 * eye)
            xy = x.transpose(1, 2) @ y / count * (1 - RIDGE)
            t = torch.linalg.solve_triangular(xx, xy, upper=False)
            t = torch.linalg.solve_triangular(yy, t.transpose(1, 2), upper=False)
            rest = torch.linalg.cholesky(eye * (1 + 1e-4) - t @ t.transpose(1, 2))
            shared = -rest.diagonal(dim1=1, dim2=2).log().sum(1)
        return shared.clamp(min=0), xy.square().sum((1, 2))
