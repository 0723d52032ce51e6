"""Shares of a whole, and values in order: dependence by what is left for the others. MI in nats, exact."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln

from mutualist.datagen.families.labelled import Labelled, check_range
from mutualist.datagen.interface import Array, Family, JointDistribution
from mutualist.datagen.registry import register


def dirichlet_entropy(alpha: Array) -> float:
    """Entropy in nats of a Dirichlet law, as a density of all shares but one (Kotz, Balakrishnan & Johnson 2000, 49.1).

    ln B(α) + (A − K) ψ(A) − Σ (α_j − 1) ψ(α_j), with A the sum of the K numbers α.
    """
    total = float(alpha.sum())
    log_beta = float(gammaln(alpha).sum() - gammaln(total))
    return log_beta + (total - len(alpha)) * float(digamma(total)) - float((alpha - 1) @ digamma(alpha))


def shares_information(alpha_x: Array, alpha_y: Array, rest: float) -> float:
    """MI in nats between some shares and some others of a Dirichlet law, with `rest` the α of what belongs to neither.

    Shares that are merged add their α: X with all else as one share is Dirichlet again, and so is Y.
    """
    x = dirichlet_entropy(np.append(alpha_x, alpha_y.sum() + rest))
    y = dirichlet_entropy(np.append(alpha_y, alpha_x.sum() + rest))
    return x + y - dirichlet_entropy(np.concatenate([alpha_x, alpha_y, [rest]]))


@register
@dataclass(frozen=True)
class Dirichlet(Family):
    """Logarithms of shares of a whole, as of budgets or of species: what X takes, Y cannot have.

    MI = h(X) + h(Y) − h(X, Y), each a `dirichlet_entropy`. The less is left over (a small α of the rest), the more the
    sums of both sides determine each other; what the sides have in common is nothing but these sums.

    Attributes:
        alpha: range of the typical α of a share, log-uniform; single ones lie within a factor of about three.
        rest: range of the rest's α, log-uniform. Below ½ much of the MI would lie in how close to nothing the rest
            comes, closer than float32 can tell.
    """

    name: ClassVar[str] = "dirichlet"
    alpha: tuple[float, float] = (0.5, 20.0)
    rest: tuple[float, float] = (0.5, 20.0)

    def __post_init__(self) -> None:
        check_range("dirichlet: alpha", self.alpha)
        check_range("dirichlet: rest", self.rest)

    def supports(self, dx: int, dy: int) -> bool:
        return dx >= 1 and dy >= 1

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        typical, rest = (float(low * (high / low) ** rng.random()) for low, high in (self.alpha, self.rest))
        alpha = typical * 3.0 ** rng.uniform(-1.0, 1.0, dx + dy)
        everything = np.append(alpha, rest)

        def sample(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            # ln G as ln Gamma(α + 1) + ln U / α: for small α, G itself underflows
            shape = (n, len(everything))
            logs = np.log(rng.standard_gamma(everything + 1, shape)) - rng.standard_exponential(shape) / everything
            shares = logs - np.logaddexp.reduce(logs, axis=1, keepdims=True)
            return shares[:, :dx], shares[:, dx:-1]

        mi = shares_information(alpha[:dx], alpha[dx:], rest)
        return Labelled(dx, dy, mi, sample, {"alpha": alpha.tolist(), "rest": rest})


def order_information(r: int, s: int, count: int) -> float:
    """MI in nats between the r-th and the s-th smallest (r < s) of `count` independent values of any continuous law.

    As uniform values they cut (0, 1) into spacings that are Dirichlet(r, s − r, count + 1 − s) (David & Nagaraja 2003,
    Order Statistics, 2.2 and 2.5); single ones are Beta. What law the values have does not matter, being monotone.
    """
    first = dirichlet_entropy(np.array([r, count + 1.0 - r]))
    second = dirichlet_entropy(np.array([s, count + 1.0 - s]))
    return first + second - dirichlet_entropy(np.array([r, s - r, count + 1.0 - s]))


@register
@dataclass(frozen=True)
class OrderStatistics(Family):
    """Some of the smaller values of a group are X, some of the larger ones Y: all of X lies below all of Y.

    Order statistics form a Markov chain: the largest of X, the r-th of all, and the smallest of Y, the s-th, carry all
    the MI, which is `order_information`. The other columns add none, though each is dependent on every other. Columns
    are shuffled within each side.

    Attributes:
        most_more: the group has up to so many values more than there are columns.
    """

    name: ClassVar[str] = "order-statistics"
    most_more: int = 60

    def __post_init__(self) -> None:
        check_range("order-statistics: most_more", (self.most_more, self.most_more))

    def supports(self, dx: int, dy: int) -> bool:
        return dx >= 1 and dy >= 1

    def draw(self, rng: np.random.Generator, dx: int, dy: int) -> JointDistribution:
        count = dx + dy + int((self.most_more + 1) ** rng.random()) - 1
        ranks = 1 + np.sort(rng.permutation(count)[: dx + dy])
        # Half of the groups have few values between X and Y: those have more in common.
        if rng.random() < 0.5:
            ranks[dx:] -= (ranks[dx] - ranks[dx - 1] - 1) - int((ranks[dx] - ranks[dx - 1]) * rng.random() ** 3)
        spacings = np.diff(np.concatenate([[0], ranks, [count + 1]])).astype(float)
        orders: tuple[NDArray[np.int64], NDArray[np.int64]] = (rng.permutation(dx), dx + rng.permutation(dy))

        def sample(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
            sums = np.cumsum(rng.standard_gamma(spacings, (n, len(spacings))), axis=1)
            values = sums[:, :-1] / sums[:, -1:]
            return values[:, orders[0]], values[:, orders[1]]

        mi = order_information(int(ranks[dx - 1]), int(ranks[dx]), count)
        return Labelled(dx, dy, mi, sample, {"ranks": ranks.tolist(), "count": count})
