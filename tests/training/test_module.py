"""The Lightning module: it learns, its rate follows the run, and what is not finite does no harm."""

import math
from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import Callback, Timer

from mutualist.errors import ConfigError, MutualistError
from mutualist.models import ModelConfig
from mutualist.training.batching import Batching, collate
from mutualist.training.data import MetaDataModule, described
from mutualist.training.loss import pinball, weight
from mutualist.training.metrics import Scores
from mutualist.training.module import MutualInfoModule
from mutualist.training.schedule import cosine, progress

pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec", "ignore:.*does not have many workers")


@pytest.fixture
def data(dataset) -> MetaDataModule:
    return MetaDataModule(str(dataset), batching=Batching(max_elements=20_000, max_batch=40), workers=0)


class Watch(Callback):
    """Notes what happens at each step."""

    def __init__(self, spoil=()):
        self.losses, self.rates, self.weights, self.spoil = [], [], [], spoil

    def on_train_batch_start(self, trainer, module, batch, index):
        self.rates.append(trainer.optimizers[0].param_groups[0]["lr"])
        if index in self.spoil:
            batch["mi"] = batch["mi"] * torch.nan

    def on_train_batch_end(self, trainer, module, outputs, batch, index):
        self.losses.append(float(outputs["loss"]))
        self.weights.append(torch.cat([p.detach().ravel().clone() for p in module.parameters()]))


def test_pinball_is_the_check_function_and_least_at_the_true_quantile():
    levels = torch.tensor([0.1, 0.5, 0.9])
    loss = pinball(torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([2.5]), levels)
    assert loss.tolist() == pytest.approx([(0.1 * 1.5 + 0.5 * 0.5 + 0.1 * 0.5) / 3])
    truth = torch.from_numpy(np.random.default_rng(0).exponential(size=4000))
    candidates = torch.linspace(0, 4, 401)
    means = [pinball(torch.full((4000, 1), c), truth, torch.tensor([0.9])).mean().item() for c in candidates.tolist()]
    assert candidates[int(np.argmin(means))].item() == pytest.approx(-math.log(0.1), abs=0.15)


def test_samples_weigh_by_their_predictions_which_learn_nothing_from_it():
    levels = torch.tensor([0.05, 0.25, 0.5, 0.75, 0.95])
    medians = torch.tensor([[0.0], [4.0], [36.0]], requires_grad=True)
    found = weight(medians + torch.tensor([-0.2, -0.1, 0.0, 0.29, 0.5]), levels)
    assert found.tolist() == pytest.approx([1, 0.5, 0.1])
    assert not found.requires_grad
    apart = torch.tensor([[0.0], [0.09], [0.39]]) * torch.tensor([-2.0, -0.5, 0.0, 0.5, 1.0])
    assert weight(apart, levels, spread_power=0.5).tolist() == pytest.approx([10**0.5, 1, 0.5])


def test_training_makes_held_out_answers_better(make_dataset, torch_seed, tiny, trainer):
    directory = make_dataset(sizes=(80, 120), most=1, splits=("train", "validation"))
    data = MetaDataModule(str(directory), batching=Batching(max_elements=20_000, max_batch=40), workers=0)
    watch = Watch()
    module = MutualInfoModule(tiny, learning_rate=1e-2, warmup_steps=5)
    before = trainer().validate(module, data, verbose=False)[0]["val/pinball"]
    trainer(max_steps=40, limit_val_batches=0, callbacks=[watch]).fit(module, data)
    assert trainer().validate(module, data, verbose=False)[0]["val/pinball"] < 0.7 * before
    assert watch.rates[0] < watch.rates[3] < watch.rates[4]
    assert watch.rates[-1] < 0.01 * max(watch.rates)


def test_the_same_seed_gives_the_same_weights(data, torch_seed, tiny, trainer):
    def run(seed):
        torch.manual_seed(seed)  # must not matter
        watch = Watch()
        trainer(max_steps=3, limit_val_batches=0, callbacks=[watch]).fit(MutualInfoModule(tiny, seed=7), data)
        return watch.weights[-1]

    assert torch.equal(run(0), run(1))
    assert not torch.equal(run(0), torch.cat([p.ravel() for p in MutualInfoModule(tiny, seed=8).parameters()]))


def test_a_batch_that_its_reader_described_gets_the_same_answer(dataset, torch_seed):
    module = MutualInfoModule(ModelConfig(width=16, layers=2, heads=2))
    data = MetaDataModule(str(dataset), batching=Batching(max_elements=20_000, max_batch=40))
    for batch in data.stream("train", shuffle=True):
        ahead = described(batch, 0, module.net.config)
        torch.testing.assert_close(module(ahead), module(batch), rtol=1e-5, atol=1e-6)
        assert "description" not in batch


def test_readers_describe_when_training_on_the_cpu(dataset, torch_seed, tiny, trainer):
    class Seen(Callback):
        found = 0

        def on_train_batch_start(self, trainer, module, batch, index):
            self.found += "description" in batch

    seen, module = Seen(), MutualInfoModule(tiny)
    data = MetaDataModule(str(dataset), batching=Batching(max_elements=20_000, max_batch=40), workers=1)
    trainer(max_steps=3, limit_val_batches=0, callbacks=[seen]).fit(module, data)
    assert seen.found == 3
    assert module.skipped_steps == 0


def test_a_step_that_is_not_finite_changes_nothing_and_is_counted(data, torch_seed, tiny, trainer):
    watch = Watch(spoil=(3, 4))
    module = MutualInfoModule(tiny)
    with pytest.warns(UserWarning, match="the loss or its gradient is not finite; skipped"):
        trainer(max_steps=8, limit_val_batches=0, callbacks=[watch]).fit(module, data)
    assert module.skipped_steps == 2
    assert torch.equal(watch.weights[2], watch.weights[4])
    assert not torch.equal(watch.weights[4], watch.weights[5])
    assert torch.isfinite(watch.weights[-1]).all()


@pytest.mark.filterwarnings("ignore:.*gradient is not finite")
def test_many_in_a_row_end_the_run(data, torch_seed, tiny, trainer):
    with pytest.raises(MutualistError, match=r"10 skipped steps in a row: .*gradient is not finite"):
        trainer(max_epochs=9, limit_val_batches=0, callbacks=[Watch(spoil=range(99))]).fit(MutualInfoModule(tiny), data)


def test_matrices_decay_and_vectors_do_not(tiny, trainer):
    module = MutualInfoModule(tiny, weight_decay=0.3)
    module._trainer = trainer(max_steps=10)
    hidden, ends, vectors = module.configure_optimizers()["optimizer"].param_groups
    assert [group["weight_decay"] for group in (hidden, ends, vectors)] == [0.3, 0.3, 0.0]
    assert all(p.ndim >= 2 for p in (*hidden["params"], *ends["params"]))
    assert all(p.ndim < 2 for p in vectors["params"])
    assert sum(len(group["params"]) for group in (hidden, ends, vectors)) == len(list(module.net.parameters()))


def test_reference_batch_makes_records_weigh_alike(data, torch_seed, tiny, trainer):
    def losses(**options):
        watch = Watch()
        trainer(max_steps=1, limit_val_batches=0, callbacks=[watch]).fit(MutualInfoModule(tiny, **options), data)
        return watch.losses[0]

    size = len(next(iter(data.train_dataloader()))["mi"])
    assert losses(reference_batch=10) == pytest.approx(losses() * size / 10)


def fake_trainer(**state):
    return SimpleNamespace(
        **({"max_steps": -1, "max_epochs": None, "global_step": 0, "current_epoch": 0, "callbacks": []} | state)
    )


def test_progress_is_the_furthest_of_steps_epochs_and_time():
    assert progress(fake_trainer()) == 0
    assert progress(fake_trainer(max_steps=200, global_step=50)) == pytest.approx(0.25)
    assert progress(fake_trainer(max_epochs=10, current_epoch=3), 0.5) == pytest.approx(0.35)
    timer = Timer(duration=timedelta(seconds=100))
    timer.load_state_dict({"time_elapsed": {"train": 40.0}})  # before a resume
    assert progress(fake_trainer(callbacks=[timer])) == pytest.approx(0.4)
    assert progress(fake_trainer(callbacks=[timer], max_steps=200, global_step=100)) == pytest.approx(0.5)
    timer.load_state_dict({"time_elapsed": {"train": 140.0}})
    assert progress(fake_trainer(callbacks=[timer])) == 1


def test_the_rate_warms_up_and_ends_at_zero():
    assert cosine(0.0, 0, 10) == pytest.approx(0.1)
    assert cosine(0.0, 9, 10) == 1
    assert cosine(0.5, 99, 10) == pytest.approx(0.5)
    assert cosine(1.0, 99, 10) == pytest.approx(0, abs=1e-12)
    assert cosine(0.0, 0, 0) == 1


def test_validation_logs_bands_and_families(data, tiny, trainer):
    module = MutualInfoModule(tiny)
    (logged,) = trainer().validate(module, data, verbose=False)
    assert {"val/pinball", "val/mse", "val/mae", "val/cover90", "val/mse_n/0-100"} <= logged.keys()
    assert {"val/mae_family/independent", "val/mae_family/normal"} <= logged.keys()
    again = trainer().validate(module, data, verbose=False)[0]
    assert logged == again


def test_scores_are_those_of_the_definitions():
    scores = Scores((0.05, 0.5, 0.95))
    scores.add(torch.tensor([[0.0, 1.0, 2.0]]), torch.tensor([1.5]), torch.tensor([50]), ["a"])
    scores.add(torch.tensor([[0.0, 1.0, 2.0]]), torch.tensor([3.0]), torch.tensor([200]), ["b"])
    got = scores.summary()
    expected = {
        "mse": (0.25 + 4) / 2, "mae": 1.25, "bias": -1.25, "cover90": 0.5, "width90": 2,
        "mse_n/0-100": 0.25, "mse_n/100-300": 4, "cover90_n/0-100": 1, "cover90_n/100-300": 0,
        "mae_family/a": 0.5, "mae_family/b": 2,
        "pinball": (0.05 * 1.5 + 0.5 * 0.5 + 0.05 * 0.5 + 0.05 * 3 + 0.5 * 2 + 0.95 * 1) / 6,
    }  # fmt: skip
    assert {name: got[name] for name in expected} == pytest.approx(expected)


def test_ties_are_broken_by_the_seed_alone(dataset, tiny):
    records = list(MetaDataModule(str(dataset)).stream("test").records())[:4]
    batch = collate(records)
    batch["values"] = batch["values"].round()
    module = MutualInfoModule(tiny).eval()
    with torch.no_grad():
        assert torch.equal(module(batch, tie_seed=1), module(batch, tie_seed=1))
        assert not torch.equal(module(batch, tie_seed=1), module(batch, tie_seed=2))


@pytest.mark.parametrize(
    "option",
    [{"learning_rate": 0.0}, {"weight_decay": -1.0}, {"beta2": 1.0}, {"reference_batch": 0}, {"spread_power": -1.0}],
)
def test_impossible_options_are_refused(option, tiny):
    with pytest.raises(ConfigError, match=next(iter(option))):
        MutualInfoModule(tiny, **option)


def test_the_configured_network_is_the_one_that_is_made(tiny):
    assert MutualInfoModule(tiny).net.config == tiny
    assert MutualInfoModule().net.config == ModelConfig()
