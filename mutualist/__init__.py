"""mutualist: mutual information, learned.

>>> from mutualist import MutualInfoEstimator
>>> est = MutualInfoEstimator.from_pretrained()   # bundled weights, no network
>>> r = est.estimate(x, y)                        # (n,) or (n, d) array-likes
>>> r.mi, r.interval(0.90)                        # nats
>>> est = RemoteEstimator("http://localhost:8000")  # the same, from a service

On torch tensors, with gradients: ``mutualist.mutual_information(x, y)``.

torch is imported when an estimator is first made, so that ``import mutualist`` stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mutualist.differentiable import mutual_information
    from mutualist.errors import ConfigError, DataError, InputError, MutualistError, ServiceError, WeightsError
    from mutualist.estimator import MutualInfoEstimator
    from mutualist.remote import RemoteEstimator
    from mutualist.result import MIEstimate

    __version__: str

_HOME = {
    "MutualInfoEstimator": "mutualist.estimator",
    "RemoteEstimator": "mutualist.remote",
    "MIEstimate": "mutualist.result",
    "mutual_information": "mutualist.differentiable",
    "MutualistError": "mutualist.errors",
    "InputError": "mutualist.errors",
    "ConfigError": "mutualist.errors",
    "DataError": "mutualist.errors",
    "ServiceError": "mutualist.errors",
    "WeightsError": "mutualist.errors",
}

__all__ = [
    "ConfigError",
    "DataError",
    "InputError",
    "MIEstimate",
    "MutualInfoEstimator",
    "MutualistError",
    "RemoteEstimator",
    "ServiceError",
    "WeightsError",
    "__version__",
    "mutual_information",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # costs more than all the rest of this import

        return version("mutualist")
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'mutualist' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
