"""Information in slices: the definition, what is known of it, and that padding and chunks do not show."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import digamma

from mutualist.models import normal_scores, slices
from mutualist.models.pairs import walks_along
from mutualist.models.slices import SLICES, slice_information


def rows(n: int, b: int = 1) -> torch.Tensor:
    return torch.ones(b, n, dtype=torch.bool)


def by_the_book(x: np.ndarray, y: np.ndarray) -> list[float]:
    """The definition for untied x and y (n,), one slice and one gap at a time, with the digamma function itself."""
    n = len(x)
    rank = y.argsort().argsort()[x.argsort()]
    found = []
    for w, reaches in SLICES:
        from_low = [i * w for i in range(-(-n // (2 * w)))] if n >= w else []
        starts = from_low + [n - w - at for at in from_low]
        cut = [sorted(rank[at : at + w]) for at in starts]
        for m in reaches:
            terms = [digamma(part[i + m] - part[i]) for part in cut for i in range(w - m)]
            found.append(digamma(m) - digamma(w + 1) + digamma(n + 1) - np.mean(terms) if terms else 0.0)
    return found


def uniform_noise(n: int, b: int, epsilon: float) -> torch.Tensor:
    rng = np.random.default_rng(n)
    x = rng.random((b, n))
    return torch.from_numpy(np.stack([x, x + rng.uniform(-epsilon, epsilon, (b, n))], 2))


@settings(deadline=None, max_examples=30)
@given(n=st.integers(4, 150), extra=st.integers(0, 40), seed=st.integers(0, 2**32 - 1))
def test_it_is_what_it_says_it_is(n: int, extra: int, seed: int) -> None:
    values = torch.from_numpy(np.random.default_rng(seed).normal(size=(1, n, 3)))
    scores = normal_scores(values, rows(n))
    found = slice_information(walks_along(scores, rows(n)))[0]
    for j, k in ((0, 1), (1, 0), (2, 1)):
        expected = by_the_book(values[0, :, j].numpy(), values[0, :, k].numpy())
        np.testing.assert_allclose(found[j, k].numpy(), expected, atol=0.012)  # 1/2 ln(r^2 + …) in place of digamma
    turned = slice_information(walks_along(-scores, rows(n)))[0]
    torch.testing.assert_close(turned, found, atol=1e-4, rtol=0)
    padded, mask = torch.zeros(1, n + extra, 3), torch.zeros(1, n + extra, dtype=torch.bool)
    padded[:, :n], mask[:, :n] = scores, True
    torch.testing.assert_close(slice_information(walks_along(padded, mask))[0], found, atol=1e-5, rtol=0)


@pytest.mark.parametrize("n", [40, 500, 3001])
def test_independent_columns_share_nothing_on_average(n: int) -> None:
    values = torch.from_numpy(np.random.default_rng(n).normal(size=(60, n, 2)))
    found = slice_information(walks_along(normal_scores(values, rows(n, 60)), rows(n, 60)))[:, 0, 1]
    noise = found.std(0) / math.sqrt(60)
    assert bool((found.mean(0).abs() < 4 * noise + 0.01).all()), (found.mean(0), noise)


def test_uniform_noise_is_measured_and_told_from_normal_noise() -> None:
    n, epsilon = 4000, 0.1
    values = uniform_noise(n, 20, epsilon)
    uniform = slice_information(walks_along(normal_scores(values, rows(n, 20)), rows(n, 20)))[:, 0, 1]
    truth = epsilon - math.log(2 * epsilon)
    assert bool(((uniform.mean(0) - truth).abs() < 0.05).all())
    rho = math.sqrt(1 - math.exp(-2 * truth))  # as much information under normal noise
    z = np.random.default_rng(0).normal(size=(20, n, 2))
    z[..., 1] = rho * z[..., 0] + math.sqrt(1 - rho**2) * z[..., 1]
    normal = slice_information(walks_along(normal_scores(torch.from_numpy(z), rows(n, 20)), rows(n, 20)))[:, 0, 1]
    whole, inside = SLICES[0][1].index(7), SLICES[0][1].index(4)
    shape = [(part[:, inside] - part[:, whole]).mean() for part in (uniform, normal)]
    assert shape[1] - shape[0] > 0.1


def test_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    walks = walks_along(normal_scores(uniform_noise(77, 5, 0.5), rows(77, 5)), rows(77, 5))
    whole = slice_information(walks)
    monkeypatch.setattr(slices, "CHUNK", 100)
    torch.testing.assert_close(slice_information(walks), whole)
