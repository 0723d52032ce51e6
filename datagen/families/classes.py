"""A class and several normal columns at once, the class-conditionals in general position. MI by Monte Carlo, nats."""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
from scipy.special import entr

from mutualist.datagen.families.labelled import Labelled
from mutualist.datagen.families.lifts import MAX_COLUMNS, random_swap
from mutualist.datagen.families.tables import check_range, entropy, label_codes, random_levels, random_pmf
from mutualist.datagen.interface import Array, Family, JointDistribution
from mutualist.datagen.registry import register

DRAWS = 4000


def class_normals_mi(
    p: Array, means: Array, factors: Array, rng: np.random.Generator, draws: int = DRAWS, clusters: int = 1
) -> tuple[float, float]:
    """I(C; Z) in nats and its standard error: H(C) − E H(C | Z), with the entropy of the exact posterior at each draw.

    A class is a mixture of `clusters` components in a row. Z in component k, of probability `p[k]`, is normal of mean
    `means[k]` (shape (components, q)) and covariance L Lᵀ, L = `factors[k]` lower triangular. The draws are shared out
    among the components by their probabilities, at least 200 for each.
    """
    components, q = means.shape
    counts = np.maximum(200, (draws * p).astype(int))
    ends = np.cumsum(counts)
    z = rng.standard_normal((q, ends[-1]))
    for k, (start, end) in enumerate(zip(ends - counts, ends, strict=True)):
        z[:, start:end] = means[k][:, None] + factors[k] @ z[:, start:end]
    log_joint = np.empty((components, ends[-1]))
    for k in range(components):
        e = np.linalg.inv(factors[k]) @ (z - means[k][:, None])
        log_joint[k] = np.log(p[k] / np.prod(np.diag(factors[k]))) - 0.5 * np.einsum("in,in->n", e, e)
    posterior = np.exp(log_joint - log_joint.max(axis=0)).reshape(-1, clusters, ends[-1]).sum(axis=1)
    posterior /= posterior.sum(axis=0)
    remaining = np.split(entr(posterior).sum(axis=0), ends[:-1])
    mi = entropy(p.reshape(-1, clusters).sum(axis=1)) - float(p @ [part.mean() for part in remaining])
    variance = float(p * p @ [part.var(ddof=1) / len(part) for part in remaining])
    return max(0.0, mi), float(np.sqrt(variance))


@register
@dataclass(frozen=True)
class ClassNormals(Family):
    """A class X and Y | X = k normal in dy columns, as in linear and quadratic discriminant analysis (Fisher 1936).

    The classes differ in a subspace of up to three dimensions, by their means, in half of the draws also by their
    covariances, and in a tenth by these alone; in half of the draws they may consist of several normal clusters each.
    The rest of Y is noise, and a random linear map mixes all. I by `class_normals_mi`, standard error at most 0.01. X
    is a number, one-hot or another code.

    Options: max_classes, max_clusters. dx ≤ 6 for the class, dy ≤ 32, or swapped; at least 2 columns on the other side.
    """

    name: ClassVar[str] = "class-normals"
    max_classes: int = 6
    max_clusters: int = 3

    def __post_init__(self) -> None:
        check_range("max_classes", self.max_classes, 2, 12)
        check_range("max_clusters", self.max_clusters, 1, 6)

    def supports(self, dx: int, dy: int) -> bool:
        return 1 <= min(dx, dy) <= 6 and 2 <= max(dx, dy) <= MAX_COLUMNS

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        # The class is Y here unless swapped; the normal side needs two columns.
        swapped = dx == 1 or (dy > 1 and random_swap(rng, dx, dy, 6))
        class_columns, columns = (dx, dy) if swapped else (dy, dx)
        classes = class_columns if class_columns > 2 else random_levels(rng, 2, self.max_classes)
        codes = label_codes(rng, classes, class_columns)
        p = random_pmf(rng, classes)
        q = int(rng.integers(1, min(columns, 3) + 1))
        spread = 0.0 if rng.random() < 0.1 else float(np.exp(rng.uniform(np.log(0.1), np.log(5.0))))
        clusters = 1 if rng.random() < 0.5 else int(rng.integers(1, self.max_clusters + 1))
        components = classes * clusters
        if clusters > 1:
            p = (p[:, None] * rng.dirichlet(np.full(clusters, 3.0), classes)).ravel()
        means = spread * rng.standard_normal((components, q))
        factors = np.tile(np.eye(q), (components, 1, 1))
        if spread == 0.0 or rng.random() < 0.5:
            factors += np.tril(0.5 * rng.standard_normal((components, q, q)), -1)
            factors[:, np.arange(q), np.arange(q)] = np.exp(rng.uniform(-1.0, 1.0, (components, q)))
        estimate = partial(class_normals_mi, p, means, factors, clusters=clusters)
        mi, stderr = estimate(rng)
        mixing = np.eye(columns)
        if rng.random() < 0.8:
            mixing += rng.uniform(0.1, 1.0) * rng.standard_normal((columns, columns)) / np.sqrt(columns)
        cumulative = np.cumsum(p)[:-1]

        def sample(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            k = np.searchsorted(cumulative, rng.random(n), side="right")
            y = rng.standard_normal((n, columns))
            y[:, :q] = means[k] + np.einsum("nij,nj->ni", factors[k], y[:, :q])
            y = y @ mixing
            of_class = codes[k // clusters]
            return (of_class, y) if swapped else (y, of_class)

        parameters = {
            "p": p.tolist(),
            "means": means.tolist(),
            "factors": factors.tolist(),
            "clusters": clusters,
            "codes": codes.tolist(),
            "swapped": swapped,
        }
        return Labelled(dx, dy, mi, sample, parameters, stderr, estimate)
