"""The network that reads a sample and answers with quantiles of its mutual information."""
