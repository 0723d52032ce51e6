"""The methods by name: ours and its peers, each as a function from a sample to quantiles."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mutualist.bench.gaussian import canonical_mi, copula_mi
from mutualist.bench.nearest import ksg_mi, sklearn_mi
from mutualist.bench.resample import bootstrap, half_samples
from mutualist.errors import InputError
from mutualist.factory import Estimator
from mutualist.inputs import MIN_ROWS

Array = NDArray[np.float64]
Answer = Callable[[Array, Array, np.random.Generator], Array | None]

LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
OURS = "mutualist"
SLOW = ("ksg-bootstrap", "copula-bootstrap", "mine", "infonce")  # asked about a small subset only


@dataclass(frozen=True)
class Method:
    """One way to estimate mutual information.

    Attributes:
        name: as in `--methods`.
        about: what it is, in a line.
        answer: x (n, dx), y (n, dy) and a source of randomness to nats at `LEVELS`; all the same for a point estimate;
            None where the method does not apply.
        interval: whether the quantiles are more than a point.
    """

    name: str
    about: str
    answer: Answer
    interval: bool = False

    @property
    def slow(self) -> bool:
        """Whether it is asked about the small subset only."""
        return self.name in SLOW


def all_methods(estimator: Estimator, resamples: int) -> list[Method]:
    """Every method, ours first. `resamples`: of each bootstrap."""

    def ours(x: Array, y: Array, rng: np.random.Generator) -> Array | None:
        if len(x) < MIN_ROWS:
            return None
        result = estimator.estimate(x, y)
        return np.array([result.quantile(level) for level in LEVELS])

    def copula_bootstrap(x: Array, y: Array, rng: np.random.Generator) -> Array | None:
        return bootstrap(copula_mi, x, y, LEVELS, rng, resamples)

    def ksg_bootstrap(x: Array, y: Array, rng: np.random.Generator) -> Array | None:
        return half_samples(lambda a, b: ksg_mi(a, b, rng), x, y, LEVELS, rng, resamples)

    def mine(x: Array, y: Array, rng: np.random.Generator) -> float | None:
        from mutualist.bench.neural import mine_mi  # imports torch

        return mine_mi(x, y, rng)

    def info_nce(x: Array, y: Array, rng: np.random.Generator) -> float | None:
        from mutualist.bench.neural import info_nce_mi

        return info_nce_mi(x, y, rng)

    return [
        Method(OURS, "the weights of this package", ours, interval=True),
        Method("ksg", "nearest neighbours, k = 5 (Kraskov et al. 2004)", _point(ksg_mi)),
        Method("sklearn", "scikit-learn's mutual_info_regression; 1 + 1 columns only", _point(sklearn_mi)),
        Method("copula", "Gaussian copula, bias removed (Ince et al. 2017)", _point(lambda x, y, _: copula_mi(x, y))),
        Method("cca", "canonical correlations (Kay 1992)", _point(lambda x, y, _: canonical_mi(x, y))),
        Method("ksg-bootstrap", "ksg, spread over half samples", ksg_bootstrap, interval=True),
        Method("copula-bootstrap", "copula, spread over resamples", copula_bootstrap, interval=True),
        Method("mine", "network trained for each pair (Belghazi et al. 2018)", _point(mine)),
        Method("infonce", "network trained for each pair (van den Oord et al. 2018)", _point(info_nce)),
    ]


def choose(methods: Sequence[Method], names: Sequence[str] | None) -> list[Method]:
    """The methods with these names, in the order of `methods`; all of them if None.

    Raises:
        InputError: an unknown name.
    """
    if names is None:
        return list(methods)
    known = {method.name for method in methods}
    if unknown := [name for name in names if name not in known]:
        raise InputError(f"no method {unknown[0]!r}; choose from {', '.join(m.name for m in methods)}")
    if not names:
        raise InputError(f"no methods; choose from {', '.join(m.name for m in methods)}")
    return [method for method in methods if method.name in names]


def _point(estimate: Callable[[Array, Array, np.random.Generator], float | None]) -> Answer:
    def answer(x: Array, y: Array, rng: np.random.Generator) -> Array | None:
        value = estimate(x, y, rng)
        return None if value is None else np.full(len(LEVELS), value)

    return answer
