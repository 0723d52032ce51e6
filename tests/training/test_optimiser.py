"""Muon and AdamW in one: each moves its own parameters as it would alone, and a checkpoint carries both on."""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from mutualist.training.optimiser import MOMENTUM, MuonAdamW

RATE, DECAY, BETAS = 3e-3, 0.1, (0.9, 0.99)


def network() -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(5, 20), nn.GELU(), nn.Linear(20, 30), nn.GELU(), nn.Linear(30, 1))


def split(net: nn.Sequential) -> tuple[nn.Parameter, list[nn.Parameter]]:
    named = dict(net.named_parameters())
    return named.pop("2.weight"), list(named.values())


def optimiser(net: nn.Sequential) -> MuonAdamW:
    hidden, others = split(net)
    return MuonAdamW([hidden], others, RATE, DECAY, BETAS)


def train(net: nn.Sequential, *optimisers: torch.optim.Optimizer, steps: int = 5) -> list[Tensor]:
    x = torch.linspace(-1, 1, 40).view(8, 5)
    for _ in range(steps):
        net.zero_grad()
        (net(x)[:, 0] - x.square().sum(1)).square().mean().backward()
        for each in optimisers:
            each.step()
    return [p.detach().clone() for p in net.parameters()]


def test_each_moves_its_own_parameters_as_it_would_alone() -> None:
    one, two = network(), network()
    hidden, others = split(two)
    muon = torch.optim.Muon([hidden], lr=RATE, weight_decay=DECAY, momentum=MOMENTUM, adjust_lr_fn="match_rms_adamw")
    groups: list[dict[str, Any]] = [
        {"params": [p for p in others if p.ndim > 1]},
        {"params": [p for p in others if p.ndim < 2], "weight_decay": 0.0},
    ]
    adamw = torch.optim.AdamW(groups, lr=RATE, betas=BETAS, weight_decay=DECAY)
    for a, b in zip(train(one, optimiser(one)), train(two, muon, adamw), strict=True):
        assert torch.equal(a, b)


def test_a_checkpoint_goes_on_as_if_nothing_had_happened() -> None:
    whole = network()
    expected = train(whole, optimiser(whole), steps=10)
    first = network()
    kept = optimiser(first)
    train(first, kept)
    second = copy.deepcopy(first)
    resumed = optimiser(second)
    resumed.load_state_dict(copy.deepcopy(kept.state_dict()))
    for a, b in zip(train(second, resumed), expected, strict=True):
        assert torch.equal(a, b)


def test_a_rate_set_from_outside_holds_for_both() -> None:
    net = network()
    before = [p.detach().clone() for p in net.parameters()]
    both = optimiser(net)
    for group in both.param_groups:
        group["lr"] = 0.0
    for a, b in zip(train(net, both), before, strict=True):
        assert torch.equal(a, b)
