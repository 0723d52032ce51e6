"""A larger network begins where a smaller one ended."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from mutualist.errors import ConfigError
from mutualist.models import ModelConfig, MutualInfoNet
from mutualist.models.describe import Description, describe_values
from mutualist.training.growth import grown

SMALL = ModelConfig(width=16, pair_width=8, layers=3, heads=2, row_width=6, queries=16)
LARGER: dict[str, dict[str, Any]] = {
    "nothing": {},
    "width": {"width": 32, "heads": 4},
    "half as wide again": {"width": 24, "heads": 3},
    "pairs": {"pair_width": 16},
    "layers": {"layers": 5},
    "rows": {"row_width": 12},
    "all": {"width": 32, "heads": 4, "pair_width": 16, "layers": 4, "row_width": 12},
}


@pytest.fixture
def small(torch_seed: None) -> MutualInfoNet:
    net = MutualInfoNet(SMALL).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return net


@pytest.fixture(params=[5, 2])
def sample(request: pytest.FixtureRequest) -> Description:
    d, generator = request.param, torch.Generator().manual_seed(0)
    values = torch.randn(6, 40, d, generator=generator)
    values[..., -1] += values[..., 0]
    side = (torch.arange(d) >= (d + 1) // 2).expand(6, d)
    return describe_values(values, side, torch.ones(6, 40, dtype=torch.bool), torch.ones(6, d, dtype=torch.bool), SMALL)


@pytest.mark.parametrize("sizes", ["nothing", "width", "pairs", "layers"])
def test_what_it_sums_up_of_a_sample_is_the_same(small, sample, sizes):
    larger = grown(small, replace(SMALL, **LARGER[sizes])).eval()
    expected, found = small.read(sample)[1], larger.read(sample)[1]
    w, p, new_w, new_p = SMALL.width, SMALL.pair_width, larger.config.width, larger.config.pair_width
    given = expected.shape[1] - 3 * w - p
    old = expected.split([w, given, w, w, p], 1)
    new = found.split([new_w, given, new_w, new_w, new_p], 1)
    for a, b in zip(old, new, strict=True):
        torch.testing.assert_close(b, a.repeat(1, b.shape[1] // a.shape[1]), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("sizes", "share"),
    [("nothing", 0), ("width", 0.05), ("half as wide again", 0.2), ("pairs", 0.05), ("layers", 0.05)],
)
def test_the_answers_stay_near(small, sample, sizes, share):
    larger = grown(small, replace(SMALL, **LARGER[sizes])).eval()
    expected, found = small.answer(sample), larger.answer(sample)
    assert (found - expected).abs().mean() <= share * expected.mean() + 1e-5


@pytest.mark.parametrize("sizes", LARGER)
def test_it_is_the_network_asked_for(small, sample, sizes):
    larger = grown(small, replace(SMALL, **LARGER[sizes])).eval()
    assert larger.config == replace(SMALL, **LARGER[sizes])
    assert larger.answer(sample).isfinite().all()


def test_copies_can_part_ways(small, sample):
    larger = grown(small, replace(SMALL, **LARGER["width"]))
    larger.answer(sample).sum().backward()
    reader = larger.single if sample.features is None else larger.several
    gradient = reader.tokens.weight.grad
    assert gradient is not None
    apart = (gradient[:16] - gradient[16:]).norm(dim=1) / gradient[:16].norm(dim=1)
    assert apart.min() > 0.01  # what reads a unit takes an uneven share of its copy


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"width": 8, "heads": 1}, "cannot become"),
        ({"layers": 2}, "cannot become"),
        ({"cosines": 7}, "cannot become"),
        ({"width": 32}, "heads keep their width"),
    ],
)
def test_what_is_no_growth_is_refused(small, sizes, message):
    with pytest.raises(ConfigError, match=message):
        grown(small, replace(SMALL, **sizes))
