"""What two columns tell of one another where one is discrete in part, as amounts that are mostly 0 are.

With A the atom of x or "beyond", and B that of y, the chain rule gives
I(X; Y) = I(A; B) + P(x beyond) I(X; B | x beyond) + P(y beyond) I(A; Y | y beyond) + P(both) I(X; Y | both beyond):
a table, classes twice, and two columns without atoms. Shapes: B pairs of columns, N rows.
"""

import torch
from torch import Tensor

from mutualist.models.chance import adjusted_information
from mutualist.models.classes import class_information
from mutualist.models.counts import count_equal, count_information, numbered

FEWEST = 8  # rows, of which a correlation is worth looking at


def mixed_information(ranks: Tensor, level: Tensor, beyond: Tensor, exists: Tensor) -> tuple[Tensor, Tensor]:
    """Mutual information of x and y, and whether it is known: (B, LAGS) nats each, as `class_information`.

    Args:
        ranks: (B, 2, N) int64, of x and of y, without ties, 0..n-1 in rows that exist.
        level: (B, 2, N) int64, 0..N-1, equal in atoms.
        beyond: (B, 2, N), true for rows in no atom.
        exists: (B, N).
    """
    rows, n = exists.shape[1], exists.sum(1, keepdim=True)
    of_x, of_y = torch.where(beyond, rows, level).unbind(1)
    number = numbered(torch.stack([of_x, of_y, of_x * (rows + 1) + of_y], 1))
    cells = count_equal(number, exists[:, None])
    adjusted, above = adjusted_information(cells, exists[:, None])
    found = torch.where(above, adjusted, count_information(cells, exists[:, None])[0][:, :1])
    both = beyond.all(1)
    found = found + both.sum(1, keepdim=True) / n * normal_information(ranks[:, 0], ranks[:, 1], both)[:, None]
    known = torch.zeros(len(ranks), 1, dtype=torch.bool, device=ranks.device)
    for own, other in ((0, 1), (1, 0)):
        chosen = beyond[:, own]
        place = _places(ranks[:, own], chosen)
        count = count_equal(number[:, other], chosen)
        told, tells = class_information(place, number[:, other], count, chosen)
        found = found + chosen.sum(1, keepdim=True) / n * told
        known = known | tells
    return found.clamp(min=-0.5), known


def normal_information(x: Tensor, y: Tensor, rows: Tensor) -> Tensor:
    """Mutual information of x and y in the chosen rows, as if they were jointly normal there: (B,) nats.

    -1/2 ln(1 - r^2) for the correlation r of their normal scores, less 1 / 2m, which it is on average where m rows are
    independent. It is 0 for fewer rows than `FEWEST`.

    Args:
        x, y: (B, N) int64, ranks without ties.
        rows: (B, N), true for the m chosen ones.
    """
    chosen = rows.sum(1, keepdim=True)
    m = chosen.clamp(min=FEWEST).float()
    one, other = (
        torch.special.ndtri(((_places(values, rows) + 0.5) / m).clamp(max=1 - 0.5 / m)) * rows for values in (x, y)
    )
    r = (one * other).sum(1) / (one.square().sum(1) * other.square().sum(1)).sqrt().clamp(min=1e-6)
    found = -0.5 * torch.log1p(-r.square().clamp(max=1 - 1e-6)) - 0.5 / m[:, 0]
    return found * (chosen[:, 0] >= FEWEST)


def _places(ranks: Tensor, rows: Tensor) -> Tensor:
    """Ranks (B, N) among the chosen rows: 0..m-1 there."""
    return torch.where(rows, ranks, ranks.shape[1]).argsort(1).argsort(1)
