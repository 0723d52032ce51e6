"""What a Gaussian copula would say: log-determinant mutual information at several shrinkages, and without bias."""

import torch
from torch import Tensor

STRENGTHS = (0.02, 0.1, 0.4, 1.5)  # of the shrinkage towards independence, in units of D / n


def cross_products(scores: Tensor) -> Tensor:
    """Sums of products of columns (..., N, D) in double precision: (..., D, D)."""
    values = scores.double()
    return values.transpose(-1, -2) @ values


def correlations(products: Tensor) -> Tensor:
    """Correlations (..., D, D) from the products of centred columns; 0 for columns of zeros."""
    scale = products.diagonal(dim1=-2, dim2=-1).clamp(min=1e-30).rsqrt()
    return products * scale[..., :, None] * scale[..., None, :]


def gaussian_mi(correlation: Tensor, same_side: Tensor, n: Tensor, columns: Tensor) -> Tensor:
    """Gaussian mutual information of X and Y in nats from the correlations of their normal scores: (B, S + 1).

    1/2 (ln det R_X + ln det R_Y - ln det R), for R shrunk by S intensities, and last, unshrunk with the exact bias of
    Gaussian log-determinants removed (E ln det W_d = sum_i psi((n-i)/2) + const; Anderson, Multivariate Statistical
    Analysis, 7.5) where n > D + 1; where it does not exist, the second shrinkage stands in.

    Args:
        correlation: (B, D, D), zero for columns that do not exist, 1 on the diagonal of those that do.
        same_side: (B, D, D), true where both columns exist and belong to the same side.
        n: (B,) rows, floating-point; the answer has their type.
        columns: (B, 2) columns of X and of Y.
    """
    d = correlation.shape[-1]
    r = correlation.double()
    total, dtype = columns.sum(1).double(), n.dtype
    n = n.double()
    exists = n > total + 1
    # The last, unshrunk matrix keeps a trace of the identity: it must have a Cholesky factor whatever the data.
    lam = [c * total / (n + c * total) for c in STRENGTHS] + [torch.where(exists, 1e-7, 0.2).to(n)]
    mi = _log_det_mi(r, same_side, torch.stack(lam, 1))
    exact = torch.where(exists, mi[:, -1] - _bias(n, columns, d), mi[:, 1])
    return torch.cat([mi[:, :-1], exact[:, None]], 1).to(dtype)


def unbiased_mi(correlation: Tensor, same_side: Tensor, n: Tensor, columns: Tensor, ridge: float) -> Tensor:
    """The last of `gaussian_mi` alone, with a trace `ridge` of the identity, for n > D + 1: (B,) nats, double."""
    n = n.double()
    found = _log_det_mi(correlation.double(), same_side, torch.full_like(n, ridge)[:, None])[:, 0]
    return found - _bias(n, columns, correlation.shape[-1])


def _log_det_mi(r: Tensor, same_side: Tensor, weights: Tensor) -> Tensor:
    """Gaussian mutual information for correlations (B, D, D) shrunk by weights (B, S): (B, S) nats."""
    d = r.shape[-1]
    if d == 2:
        square = ((1 - weights) * r[:, :1, 1] * ~same_side[:, :1, 1]).square()
        return -0.5 * torch.log1p(-square.clamp(max=1 - 1e-12))
    eye = torch.eye(d, dtype=r.dtype, device=r.device)
    r = r - torch.diag_embed(r.diagonal(dim1=1, dim2=2)) + eye
    weights = weights[..., None, None]  # (B, S, 1, 1)
    shrunk = (1 - weights) * r[:, None] + weights * eye
    blocks = torch.where(same_side[:, None] | eye.bool(), shrunk, 0.0)
    log_det = torch.linalg.cholesky_ex(torch.stack([blocks, shrunk], 2))[0].diagonal(dim1=-2, dim2=-1)
    log_det = 2 * log_det.clamp(min=1e-12).log().sum(-1)  # (B, S+1, 2)
    return 0.5 * (log_det[..., 0] - log_det[..., 1])


def _bias(n: Tensor, columns: Tensor, most: int) -> Tensor:
    """What n rows (B,) add on average to the unshrunk estimate for columns (B, 2) of X and of Y: (B,) nats."""
    counts = torch.cat([columns.sum(1, keepdim=True), columns], 1).to(n)
    of_all, of_x, of_y = _log_det_bias(counts, n, most).unbind(1)
    return 0.5 * (of_x + of_y - of_all)


def _log_det_bias(k: Tensor, n: Tensor, most: int) -> Tensor:
    """E ln det of the sample correlation scale of k (B, S) columns, up to terms that cancel between blocks: (B, S)."""
    i = torch.arange(1, most + 1, device=n.device, dtype=n.dtype)
    freedom = (n[:, None] - i) / 2
    terms = torch.digamma(freedom.clamp(min=0.25)) - ((n[:, None] - 1) / 2).log()  # (B, most)
    return ((i <= k[..., None]) * terms[:, None]).sum(2)
