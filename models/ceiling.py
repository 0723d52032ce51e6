"""No side tells more than it holds: I(X; Y) <= H(X) where X takes few values. Two values can tell no more than a bit.

The network does not know it, and the upper end of its interval for a class that is told almost surely lies above. So
quantiles stay below those of the entropy, which the counts of the values tell. Shapes: n rows, d columns of one side.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mutualist.models.quantiles import probit

Array = NDArray[np.float64]

ROWS_A_VALUE = 4  # on average; with fewer, values that were not met may hold much


def ceiling(levels: ArrayLike, columns: NDArray[np.integer], tied: NDArray[np.bool_]) -> Array:
    """Quantiles (Q,) in nats of the entropy of the rows of one side: infinite where it does not take few values.

    The plug-in entropy with the bias of Miller and Madow (1955), and its standard error in large samples (Basharin
    1959) with the next term, that of evenly spread values; at most the logarithm of the number of values. A constant
    has none: it may have values yet that these rows do not show.

    Args:
        levels: (Q,).
        columns: (n, d), equal where values are.
        tied: (d,) which columns have such values.
    """
    n, values = len(columns), 1
    rows = np.zeros(n, np.int64)
    for column in columns.T if tied.all() else ():
        _, number = np.unique(column, return_inverse=True)
        _, rows, counts = np.unique(rows * n + number, return_inverse=True, return_counts=True)
        if (values := len(counts)) * ROWS_A_VALUE > n:
            break
    if values == 1 or values * ROWS_A_VALUE > n:
        return np.full(np.shape(levels), np.inf)
    shares, logs = counts / n, np.log(counts / n)
    entropy = -float(shares @ logs)
    error = np.sqrt(shares @ np.square(logs + entropy) / n + (values - 1) / (2 * n**2))
    quantiles = entropy + (values - 1) / (2 * n) + error * probit(levels)
    return np.clip(quantiles, 0.0, np.log(values))
