"""Where requests become calls of the estimator: small ones together, large ones one at a time."""
