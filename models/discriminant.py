"""What columns tell of classes together, by normal densities of each class: the discriminant that leaves each row out.

Where one side is discrete, its values sort the rows into classes, and how well the other side tells them apart is a
question of densities inside the classes. Student's t of a normal law whose mean and covariance are not known (Gelman et
al. 2013, Bayesian Data Analysis, section 3.6) is the predictive density of a row given the other rows of a class. All
of it is smooth in the scores. Shapes: B datasets, N rows, D columns, C classes.
"""

import torch
from torch import Tensor

from mutualist.models.chunks import at_once

PRIOR = 3.0  # rows a column by which the covariance that classes share counts in that of each
RIDGE = 1e-3, 0.3  # added to variances, and over n
MOST = 64  # classes; of more there is no estimate
ROWS = 8192  # the first rows, which are all that are looked at
CHUNK = 1 << 22  # distances held at once by a processor


def discriminant_information(scores: Tensor, number: Tensor, exists: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
    """Mean over rows of ln p(class | row) - ln p(class), each row left out of its class, and whether it is known: (B,).

    In nats. Rows alone in their class have no say, nor have those after the first `ROWS`. It is not known, and 0, where
    there are more than `MOST` classes, or none of two rows.

    Args:
        scores: (B, N, D) normal scores.
        number: (B, N) int64, 0..N-1, equal for rows of one class.
        exists: (B, N).
        columns: (B, D), true for those that are to tell of the classes.
    """
    scores, number, exists = (values[:, :ROWS] for values in (scores, number, exists))
    classes = torch.where(exists, number, 0).amax(1) + 1
    few = classes <= MOST
    out = scores.new_zeros(len(scores))
    if not bool(few.any()):
        return out, few
    c = int(classes[few].max())
    step = max(1, at_once(CHUNK, scores.device) // (c * scores.shape[1] * scores.shape[2]))
    asked = few.nonzero()[:, 0]
    parts = [_information(scores[i], number[i], exists[i], columns[i], c) for i in asked.split(step)]
    found, known = (torch.cat(each) for each in zip(*parts, strict=True))
    return out.index_put((asked,), found.to(out.dtype)), few.index_put((asked,), known)


def _information(scores: Tensor, number: Tensor, exists: Tensor, columns: Tensor, c: int) -> tuple[Tensor, Tensor]:
    existing = exists[..., None] & columns[:, None]
    z = scores.double().masked_fill(~existing, 0.0)
    member = (number[:, None] == torch.arange(c, device=z.device)[:, None]) & exists[:, None]  # (B, C, N)
    inside = member.to(z.dtype)
    size, n, d = inside.sum(2), exists.sum(1).to(z.dtype), columns.sum(1).to(z.dtype)
    means = inside @ z / size.clamp(min=1)[..., None]  # (B, C, D)
    apart = z - inside.transpose(1, 2) @ means
    scatter = (inside[..., None, :] * apart.transpose(1, 2)[:, None]) @ apart[:, None]  # (B, C, D, D)
    free = (n - (size > 0).sum(1)).clamp(min=1)
    ridge = (RIDGE[0] + RIDGE[1] / n)[:, None] * columns + ~columns
    shared = scatter.sum(1) / free[:, None, None] + torch.diag_embed(ridge)
    prior = PRIOR * d
    root = torch.linalg.cholesky(scatter + (prior[:, None, None] * shared)[:, None])
    log_det = 2 * root.diagonal(dim1=-2, dim2=-1).log().sum(-1) - ((~columns).sum(1) * prior.log())[:, None]  # (B, C)
    moved = z.transpose(1, 2)[:, None] - means[..., None]  # (B, C, D, N)
    distance = torch.linalg.solve_triangular(root, moved, upper=False).square().sum(2)  # (B, C, N)
    # Without a row of its own, a class of m rows has its mean m / (m - 1) times as far away, and less scatter.
    own = (distance * inside).sum(1)  # (B, N)
    rows = (size[..., None] * inside).sum(1)
    gain = rows / (rows - 1).clamp(min=1)
    less = (1 - gain * own).clamp(min=1e-6)
    log_own = (log_det[..., None] * inside).sum(1) + less.log()
    left_out = _log_density(gain.square() * own / less, log_own, (rows - 1).clamp(min=1), d[:, None], prior[:, None])
    others = _log_density(
        distance, log_det[..., None], size[..., None].clamp(min=1), d[:, None, None], prior[:, None, None]
    )
    share = (size / n[:, None]).clamp(min=1e-30).log()[..., None]
    joint = torch.where(member, left_out[:, None], others) + share
    joint = joint.masked_fill((size == 0)[..., None], -torch.inf)
    counted = exists & (rows > 1)
    terms = (left_out - joint.logsumexp(1)) * counted
    return terms.sum(1) / counted.sum(1).clamp(min=1), counted.any(1)


def _log_density(distance: Tensor, log_det: Tensor, rows: Tensor, d: Tensor, prior: Tensor) -> Tensor:
    """Of Student's t, up to a constant: with `rows` rows of a class and a prior of `prior` rows."""
    freedom = prior + rows + 2
    scale = (rows + 1) / rows / freedom
    constant = torch.lgamma((freedom + d) / 2) - torch.lgamma(freedom / 2) - d / 2 * (freedom * scale).log()
    return constant - log_det / 2 - (freedom + d) / 2 * torch.log1p(distance / (scale * freedom))
