"""What the network promises for any weights: the answer depends on the sample and on nothing else."""

from collections.abc import Callable

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import example, given, settings
from torch import Tensor

from mutualist.models import ModelConfig, MutualInfoNet, normal_scores
from mutualist.models.describe import describe_values
from mutualist.models.gaussian import STRENGTHS

SHAPES = [(2, 1, 1), (3, 1, 2), (25, 1, 1), (40, 1, 3), (60, 3, 2), (12, 8, 6), (64, 2, 2)]


def sample(n: int, dx: int, dy: int, seed: int = 0) -> Tensor:
    """Columns (n, dx + dy), linearly and otherwise dependent."""
    values = torch.randn(n, dx + dy, generator=torch.Generator().manual_seed(seed))
    values[:, dx] += values[:, 0]
    values[:, -1] += values[:, dx - 1].square()
    return values


def answer(net: MutualInfoNet, values: Tensor, dx: int) -> Tensor:
    """Quantiles (Q,) of one sample (n, d) whose first dx columns are X's."""
    n, d = values.shape
    rows, columns = torch.ones(1, n, dtype=torch.bool), torch.ones(1, d, dtype=torch.bool)
    scores = normal_scores(values[None], rows, torch.Generator().manual_seed(0))
    return net(scores, (torch.arange(d) >= dx)[None], rows, columns)[0]


def close(a: Tensor, b: Tensor) -> None:
    """Equal up to float32: in a handful of rows nearly collinear learned features magnify rounding some hundredfold."""
    torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("n", "dx", "dy"), SHAPES)
def test_quantiles_increase_and_are_positive(net: MutualInfoNet, n: int, dx: int, dy: int) -> None:
    quantiles = answer(net, sample(n, dx, dy), dx)
    assert torch.isfinite(quantiles).all()
    assert (quantiles >= 0).all()
    assert (quantiles.diff() > 0).all()


@pytest.mark.parametrize(("n", "dx", "dy"), SHAPES)
def test_order_of_columns_within_a_side(net: MutualInfoNet, n: int, dx: int, dy: int) -> None:
    values = sample(n, dx, dy)
    shuffled = torch.cat([values[:, :dx].flip(1), values[:, dx:].roll(1, 1)], 1)
    close(answer(net, shuffled, dx), answer(net, values, dx))


@pytest.mark.parametrize(("n", "dx", "dy"), SHAPES)
def test_order_of_rows(net: MutualInfoNet, n: int, dx: int, dy: int) -> None:
    values = sample(n, dx, dy)
    close(
        answer(net, values[torch.randperm(n, generator=torch.Generator().manual_seed(1))], dx), answer(net, values, dx)
    )


@pytest.mark.parametrize(("n", "dx", "dy"), SHAPES)
def test_swapping_x_and_y(net: MutualInfoNet, n: int, dx: int, dy: int) -> None:
    values = sample(n, dx, dy)
    close(answer(net, torch.cat([values[:, dx:], values[:, :dx]], 1), dy), answer(net, values, dx))


@pytest.mark.parametrize(("n", "dx", "dy"), SHAPES[2:])
@pytest.mark.parametrize(
    "change",
    [lambda c: -c, lambda c: c.exp(), lambda c: -1e5 * c**3 + 7, torch.asinh],
    ids=["-x", "exp", "cube", "asinh"],
)
def test_strictly_monotone_maps_of_a_column(
    net: MutualInfoNet, n: int, dx: int, dy: int, change: Callable[[Tensor], Tensor]
) -> None:
    values = sample(n, dx, dy)
    for column in (0, dx):
        mapped = values.clone()
        mapped[:, column] = change(mapped[:, column])
        close(answer(net, mapped, dx), answer(net, values, dx))


@pytest.mark.parametrize("n", [5, 50])
def test_y_equal_to_x_and_to_minus_x(net: MutualInfoNet, n: int) -> None:
    x = sample(n, 1, 1)[:, :1]
    close(answer(net, torch.cat([x, -x], 1), 1), answer(net, torch.cat([x, x], 1), 1))


@settings(max_examples=15, deadline=None)
@example([(4, 1, 1), (4, 1, 1), (4, 1, 1), (30, 3, 3)])  # the third is Y = X in ranks, beside wider ones
@given(st.lists(st.tuples(st.integers(4, 70), st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=4))
def test_a_batch_answers_as_one_by_one_whatever_the_padding_holds(
    net: MutualInfoNet, shapes: list[tuple[int, int, int]]
) -> None:
    samples = [sample(n, dx, dy, seed=i) for i, (n, dx, dy) in enumerate(shapes)]
    rows, columns = 3 + max(n for n, _, _ in shapes), 2 + max(dx + dy for _, dx, dy in shapes)
    values = torch.full((len(shapes), rows, columns), 1e30)
    side = torch.ones(len(shapes), columns, dtype=torch.bool)
    row_mask = torch.zeros(len(shapes), rows, dtype=torch.bool)
    column_mask = torch.zeros(len(shapes), columns, dtype=torch.bool)
    for i, (n, dx, dy) in enumerate(shapes):
        values[i, :n, : dx + dy] = samples[i]
        side[i, :dx], row_mask[i, :n], column_mask[i, : dx + dy] = False, True, True
    scores = normal_scores(values, row_mask, torch.Generator().manual_seed(0))
    together = net(scores, side, row_mask, column_mask)
    for i, (_, dx, _) in enumerate(shapes):
        close(together[i], answer(net, samples[i], dx))


@pytest.mark.parametrize("d", [2, 3])
def test_only_the_weights_for_such_samples_learn_of_them(d: int, torch_seed: None) -> None:
    net = MutualInfoNet(ModelConfig(width=16, pair_width=8, layers=2, heads=2, row_width=4, queries=16))
    values, exist = torch.randn(4, 30, d), torch.ones(4, d, dtype=torch.bool)
    side, rows = (torch.arange(d) > 0).expand(4, d), torch.ones(4, 30, dtype=torch.bool)
    net.answer(describe_values(values, side, rows, exist, net.config)).sum().backward()
    learning = {name.partition(".")[0] for name, weight in net.named_parameters() if weight.grad is not None}
    assert learning == {"single" if d == 2 else "several"}


@pytest.mark.parametrize("d", [2, 3])
def test_weights_refuse_samples_of_the_other_kind(net: MutualInfoNet, d: int) -> None:
    values, exist, rows = sample(30, 1, d - 1)[None], torch.ones(1, d, dtype=torch.bool), torch.ones(1, 30).bool()
    found = describe_values(values, (torch.arange(d) > 0)[None], rows, exist, net.config)
    with pytest.raises(ValueError, match="pairs of single columns"):
        (net.several if d == 2 else net.single)(found)


def test_ties_and_constant_columns_are_broken_reproducibly(net: MutualInfoNet) -> None:
    values = sample(40, 2, 2).round()
    values[:, 1] = 3.0
    first, second = answer(net, values, 2), answer(net, values, 2)
    assert torch.isfinite(first).all()
    assert torch.equal(first, second)


def test_every_row_counts_beyond_the_rows_that_attention_sees(net: MutualInfoNet) -> None:
    values = sample(400, 1, 1)  # max_rows is 128
    changed = values.clone()
    changed[300:, 1] = changed[300:, 0]
    assert (answer(net, changed, 1) - answer(net, values, 1)).abs().max() > 1e-3


def test_classes_of_more_rows_than_the_row_wise_parts_see(net: MutualInfoNet) -> None:
    values = torch.stack([sample(400, 2, 1, seed) for seed in (0, 1)])  # max_rows is 128
    values[..., 2] = values[..., 2].gt(0).float()
    side, columns = torch.tensor([[False, False, True]] * 2), torch.ones(2, 3, dtype=torch.bool)

    def answers(count: int, rows: Tensor) -> Tensor:
        given = values[:count, : rows.shape[1]], side[:count], rows, columns[:count]
        return net.answer(describe_values(*given, net.config, torch.Generator().manual_seed(0)))

    together = answers(2, torch.arange(400) < torch.tensor([[200], [400]]))
    assert torch.isfinite(together).all()
    close(together[:1], answers(1, torch.ones(1, 200, dtype=torch.bool)))


def test_neighbours_do_not_see_how_ties_are_broken(net: MutualInfoNet) -> None:
    values = sample(60, 2, 2)[None]
    values[..., 0], values[..., 2] = values[..., 0].round(), values[..., 2].clamp(min=0)
    side, rows = torch.tensor([[False, False, True, True]]), torch.ones(1, 60, dtype=torch.bool)
    first = len(STRENGTHS) + 1
    found = [
        describe_values(values, side, rows, torch.ones(1, 4, dtype=torch.bool), net.config, generator)
        for generator in (torch.Generator().manual_seed(seed) for seed in (0, 1))
    ]
    one, other = (described.anchors[:, first : first + len(net.config.neighbours)] for described in found)
    torch.testing.assert_close(one, other)
    assert not torch.equal(found[0].anchors, found[1].anchors)
