"""The network that reads a sample and answers with quantiles of its mutual information."""

from mutualist.models.config import ModelConfig
from mutualist.models.network import MutualInfoNet
from mutualist.models.scores import normal_scores, scores_from_ranks

__all__ = ["ModelConfig", "MutualInfoNet", "normal_scores", "scores_from_ranks"]
