"""Columns multiplied by cosines of the radii: what they undo, what they leave alone, and too few rows for them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mutualist.datagen.transforms import Spiral
from mutualist.models import ModelConfig, normal_scores
from mutualist.models import describe as describing
from mutualist.models.describe import Description, describe
from mutualist.models.turns import ROWS_A_COLUMN, anchor_orders

CONFIG = ModelConfig()
ANCHORS = len(anchor_orders(CONFIG.turns))
PLAIN = 4  # the Gaussian anchor without bias


def described(x: np.ndarray, y: np.ndarray) -> Description:
    n, dx = x.shape
    d = dx + y.shape[1]
    values, rows = torch.from_numpy(np.concatenate([x, y], 1))[None], torch.ones(1, n, dtype=torch.bool)
    side, columns = torch.arange(d)[None] >= dx, torch.ones(1, d, dtype=torch.bool)
    return describe(normal_scores(values, rows), side, rows, columns, CONFIG)


def correlated(seed: int, n: int, d: int, r: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d))
    return x, r * x + np.sqrt(1 - r**2) * rng.standard_normal((n, d))


@pytest.mark.parametrize(("d", "n"), [(2, 1000), (3, 300), (3, 3000), (6, 3000)])
def test_they_undo_a_spiral(d: int, n: int) -> None:
    plain, undone = [], []
    for seed in range(6):
        x, y = correlated(seed, n, d, 0.8)
        x, y, _ = Spiral(speed=(1.5, 1.5)).apply(np.random.default_rng(seed), x, y, n // 2)
        anchors = described(x, y).anchors[0]
        plain.append(float(anchors[PLAIN]))
        undone.append(float(anchors[-1]))
    truth = -0.5 * d * np.log1p(-(0.8**2))
    assert abs(truth - np.mean(undone)) < 0.4 * abs(truth - np.mean(plain))


@pytest.mark.parametrize("r", [0.0, 0.6])
def test_they_add_nothing_to_normal_vectors(r: float) -> None:
    """What the estimates have in excess averages out: the bias of so many columns is taken off exactly."""
    excess = []
    for seed in range(30):
        anchors = described(*correlated(seed, 400, 3, r)).anchors[0]
        excess.append((anchors[-ANCHORS:] - anchors[PLAIN]).numpy())
    np.testing.assert_allclose(np.mean(excess, 0), 0, atol=0.06)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), dx=st.integers(1, 4), dy=st.integers(2, 4), n=st.integers(8, 120))
def test_sides_signs_and_padding_do_not_show(seed: int, dx: int, dy: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((n, dx)), rng.standard_normal((n, dy))
    found, swapped, flipped = described(x, y), described(y, x), described(-x, y * (1, *[-1] * (dy - 1)))
    assert swapped.turns is not None
    assert found.turns is not None
    places = [*range(dx, dx + dy), *range(dx), dx + dy + 1, dx + dy]  # of the columns after the swap, then the radii
    torch.testing.assert_close(swapped.turns, found.turns[:, places][:, :, places], atol=1e-5, rtol=0)
    torch.testing.assert_close(flipped.turns, found.turns, atol=1e-5, rtol=0)
    for other in (swapped, flipped):
        torch.testing.assert_close(other.anchors[:, -ANCHORS:], found.anchors[:, -ANCHORS:], atol=1e-4, rtol=1e-3)
    if n < ROWS_A_COLUMN * (dx + dy):
        assert bool((found.anchors[:, -ANCHORS:] == found.anchors[:, PLAIN]).all())


def test_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = correlated(0, 200, 3, 0.5)
    whole = described(x, y)
    monkeypatch.setattr(describing, "CHUNK", 500)
    parts = described(x, y)
    torch.testing.assert_close(parts.turns, whole.turns, atol=1e-5, rtol=0)
    torch.testing.assert_close(parts.anchors, whole.anchors, atol=1e-4, rtol=1e-3)
