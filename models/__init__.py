"""The network that reads a sample and answers with quantiles of its mutual information.

torch is imported with the names below, and not with what needs numpy alone (`config`, `quantiles`), so that a client of
the service can read quantiles at any level without it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mutualist.models.config import ModelConfig
    from mutualist.models.network import MutualInfoNet
    from mutualist.models.scores import normal_scores, scores_from_ranks

_HOME = {
    "ModelConfig": "mutualist.models.config",
    "MutualInfoNet": "mutualist.models.network",
    "normal_scores": "mutualist.models.scores",
    "scores_from_ranks": "mutualist.models.scores",
}

__all__ = ["ModelConfig", "MutualInfoNet", "normal_scores", "scores_from_ranks"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'mutualist.models' has no attribute {name!r}")
