"""From pooled tokens to quantiles: an anchored median, and increments that cannot cross."""

import torch
from torch import Tensor, nn

from mutualist.models.atoms import ESTIMATES

# A step of Adam moves a linear layer's output by the learning rate times the sum of its inputs, and a sum over columns
# by that times their number. These factors keep such a step small beside the answer.
COLUMN_STEP, CORRECTION_STEP = 1 / 16, 1 / 8
OUTPUTS = "weights", "correction", "column", "increments", "scale"  # the layers that answer, and begin with zeros
SHARPNESS = 12.0  # of the softplus that keeps quantiles from falling below zero


class QuantileHead(nn.Module):
    """Quantiles of the mutual information in nats.

    The median is a weighted mean of classical estimates, which are consistent, with a learned correction that adds up
    over columns, because mutual information adds over independent pairs. The other quantiles are the median plus or
    minus sums of positive increments. A softplus keeps all of them positive; it is monotone, so they stay in order.
    """

    def __init__(self, inputs: int, width: int, anchors: int, levels: int, median: int) -> None:
        super().__init__()
        self.median = median
        self.trunk = nn.Sequential(
            nn.LayerNorm(inputs),
            nn.Linear(inputs, 2 * width),
            nn.GELU(),
            nn.Linear(2 * width, width),
            nn.GELU(),
        )
        self.weights = nn.Linear(width, anchors)
        self.correction = nn.Linear(width, 2)
        self.column_norm = nn.LayerNorm(width)
        self.column = nn.Linear(width, 1)
        self.increments = nn.Linear(width, levels - 1)
        self.scale = nn.Linear(width, 1)
        for name, parameter in self.named_parameters():
            if name.startswith(tuple(f"{output}." for output in OUTPUTS)):
                nn.init.zeros_(parameter)

    def forward(self, pooled: Tensor, tokens: Tensor, columns: Tensor, anchors: Tensor, known: Tensor) -> Tensor:
        """pooled (B, F), tokens (B, D, W), columns (B, D), anchors (B, A) in nats, known (B, E) -> (B, Q).

        Nats. The last E anchors are from shared values, and have no weight where these say nothing (`Atoms.known`).
        """
        hidden = self.trunk(pooled)
        plain, shared = self.weights(hidden).split([anchors.shape[1] - ESTIMATES, ESTIMATES], 1)
        logits = torch.cat([plain, shared.masked_fill(~known, -torch.inf)], 1)
        base = (logits.softmax(1) * anchors).sum(1)
        gain, offset = (CORRECTION_STEP * self.correction(hidden)).unbind(1)
        added = COLUMN_STEP * (self.column(self.column_norm(tokens))[..., 0] * columns).sum(1)
        middle = base * (1 + gain) + offset + added
        level = middle.detach() if self.training else middle  # how wide an interval is must not teach the median
        scale = (0.05 + 0.2 * level.clamp(min=0)) * (CORRECTION_STEP * self.scale(hidden)[:, 0]).clamp(-6, 6).exp()
        steps = scale[:, None] * nn.functional.softplus(self.increments(hidden) - 1)
        below, above = steps[:, : self.median], steps[:, self.median :]
        raw = torch.cat(
            [
                middle[:, None] - below.flip(1).cumsum(1).flip(1),
                middle[:, None],
                middle[:, None] + above.cumsum(1),
            ],
            1,
        )
        return nn.functional.softplus(raw * SHARPNESS) / SHARPNESS
