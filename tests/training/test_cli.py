"""`mutualist train` through its own door: fit, validate, print_config, resume, fine-tune."""

import csv
import math
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
import yaml

from mutualist.errors import ConfigError, DataError, WeightsError
from mutualist.models import MutualInfoNet
from mutualist.training.checkpoint import load_network, read_checkpoint
from mutualist.training.cli import main, packaged_configs


def write_config(folder, network, dataset):
    """A configuration of a run of twelve small steps, as a file."""
    values = {
        "model": {"network": network.to_dict(), "warmup_steps": 2},
        "data": {
            "directory": str(dataset),
            "batching": {"max_elements": 20_000, "max_batch": 40},
            "limit_records": 60,
            "limit_validation": 40,
            "workers": 0,
        },
        "trainer": {
            "max_steps": 12,
            "accelerator": "cpu",
            "default_root_dir": str(folder / "run"),
            "enable_progress_bar": False,
            "log_every_n_steps": 1,
        },
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


@pytest.fixture
def config(tmp_path, tiny, dataset):
    return write_config(tmp_path, tiny, dataset)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, tiny, dataset):
    """The directory of a run that is over, and its configuration."""
    folder = tmp_path_factory.mktemp("finished")
    path = write_config(folder, tiny, dataset)
    main(["fit", "--config", str(path)])
    return folder / "run", path


def logged(run) -> list[dict[str, str]]:
    rows = []
    for path in sorted(run.glob("metrics/version_*/metrics.csv")):
        with path.open() as file:
            rows += list(csv.DictReader(file))
    return rows


def test_fit_leaves_checkpoints_metrics_and_the_whole_config(finished, tiny):
    run, _ = finished
    assert load_network(run / "checkpoints" / "last.ckpt").config == tiny
    assert (run / "checkpoints" / "best.ckpt").exists()
    steps = [int(row["step"]) for row in logged(run) if row.get("train/loss")]
    assert steps == list(range(12))
    assert any(row.get("val/pinball") for row in logged(run))
    saved = yaml.safe_load((run / "metrics" / "version_0" / "config.yaml").read_text())
    assert saved["model"]["network"]["width"] == tiny.width
    assert saved["data"]["batching"]["pool_records"] == 8192


@pytest.mark.parametrize("command", ["validate", "test"])
def test_scores_a_split_with_the_weights_of_a_checkpoint(command, finished, capsys, torch_seed):
    run, config = finished
    main([command, "--config", str(config), "--ckpt_path", str(run / "checkpoints" / "last.ckpt")])
    assert {"validate": "val", "test": "test"}[command] + "/mae_family/normal" in capsys.readouterr().out


def test_a_run_is_not_overwritten(finished, torch_seed):
    with pytest.raises(ConfigError, match="holds a run already"):
        main(["fit", "--config", str(finished[1])])


def test_a_checkpoint_holds_numbers_alone(finished):
    checkpoint = torch.load(finished[0] / "checkpoints" / "last.ckpt", weights_only=True)
    assert checkpoint["global_step"] == 12


def test_init_from_starts_at_the_exported_weights(config, tmp_path, exported, torch_seed):
    directory, net = exported
    start = ["fit", "--config", str(config), "--model.init_from", str(directory), "--trainer.default_root_dir"]
    main([*start, str(tmp_path / "tuned"), "--model.learning_rate", "1e-12"])
    tuned = load_network(tmp_path / "tuned" / "checkpoints" / "last.ckpt").state_dict()
    for name, tensor in net.state_dict().items():
        torch.testing.assert_close(tuned[name], tensor, rtol=0, atol=1e-8)
    main([*start, str(tmp_path / "larger"), "--model.network.layers", "3", "--model.network.pair_width", "8"])
    assert load_network(tmp_path / "larger" / "checkpoints" / "last.ckpt").config.layers == 3
    with pytest.raises(ConfigError, match=r"a network grows in .* alone"):
        main([*start, str(tmp_path / "other"), "--model.network.cosines", "9"])


def test_print_config_shows_every_option(capsys):
    with pytest.raises(SystemExit) as end:
        main(["fit", "--config", "tiny", "--print_config"])
    assert end.value.code == 0
    shown = yaml.safe_load(capsys.readouterr().out)
    assert shown["model"]["learning_rate"] == 1.5e-3
    assert shown["trainer"]["gradient_clip_val"] == 1.0
    assert {"last_checkpoint", "best_checkpoint", "ckpt_path"} <= shown.keys()


@pytest.mark.parametrize("name", sorted(packaged_configs()))
def test_packaged_configs_are_found_by_name(name, capsys):
    for form in (["--config", name], [f"--config={name}"]):
        with pytest.raises(SystemExit) as end:
            main(["fit", *form, "--data.directory", "nowhere", "--print_config"])
        assert end.value.code == 0
        assert yaml.safe_load(capsys.readouterr().out)["trainer"]["max_time"] is not None


def test_an_unknown_key_is_refused(config, capsys):
    with pytest.raises(SystemExit) as end:
        main(["fit", "--config", str(config), "--data.colour", "red"])
    assert end.value.code != 0
    assert "colour" in capsys.readouterr().err


def test_what_cannot_be_used_is_named(config, tmp_path, torch_seed):
    with pytest.raises(DataError, match="no meta-dataset at"):
        main(["fit", "--config", str(config), "--data.directory", str(tmp_path / "none")])
    with pytest.raises(WeightsError, match="no such file"):
        main(["fit", "--config", str(config), "--ckpt_path", str(tmp_path / "none.ckpt")])
    damaged = tmp_path / "damaged.ckpt"
    damaged.write_bytes(b"PK\x03\x04 not a checkpoint")
    with pytest.raises(WeightsError, match="damaged, or not a checkpoint"):
        main(["fit", "--config", str(config), "--ckpt_path", str(damaged)])
    foreign = tmp_path / "foreign.ckpt"
    torch.save({"state_dict": {}}, foreign)
    with pytest.raises(WeightsError, match="not a checkpoint of `mutualist train`"):
        main(["fit", "--config", str(config), "--ckpt_path", str(foreign)])


def test_a_checkpoint_of_another_network_is_refused(finished, tmp_path, torch_seed):
    run, config = finished
    last = str(run / "checkpoints" / "last.ckpt")
    place = ["--trainer.default_root_dir", str(tmp_path)]
    with pytest.raises(ConfigError, match="another network than the configured one"):
        main(["fit", "--config", str(config), "--ckpt_path", last, "--model.network.width", "16", *place])


def test_a_checkpoint_that_does_not_fit_this_release_is_refused(finished, tmp_path):
    checkpoint = read_checkpoint(finished[0] / "checkpoints" / "last.ckpt")
    del checkpoint["mutualist_config"]["width"]
    torch.save(checkpoint, tmp_path / "other.ckpt")
    with pytest.raises(WeightsError, match="does not fit this release's network"):
        load_network(tmp_path / "other.ckpt")


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_was(config, tmp_path):
    """SIGKILL in the middle of an epoch: the resumed run ends with the very weights of an unbroken one."""

    def command(root, *more):
        options = [
            "--trainer.default_root_dir",
            str(root),
            "--last_checkpoint.minutes",
            "0.0001",
            "--trainer.max_steps",
        ]
        code = "import sys; from mutualist.training.cli import main; main(sys.argv[1:])"
        words = [sys.executable, "-c", code, "fit", "--config", str(config), *options, "60", *more]
        return subprocess.Popen(words, env=os.environ | {"OMP_NUM_THREADS": "1"})

    assert command(tmp_path / "whole").wait(300) == 0
    last = tmp_path / "killed" / "checkpoints" / "last.ckpt"
    killed = command(tmp_path / "killed")
    until = time.monotonic() + 120
    while time.monotonic() < until and killed.poll() is None:
        if last.exists() and (step := read_checkpoint(last)["global_step"]) >= 9:
            break
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait(60) == -signal.SIGKILL
    step = read_checkpoint(last)["global_step"]
    assert 9 <= step < 60
    assert command(tmp_path / "killed", "--ckpt_path", str(last)).wait(300) == 0
    ends = [read_checkpoint(tmp_path / run / "checkpoints" / "last.ckpt") for run in ("whole", "killed")]
    assert ends[0]["global_step"] == ends[1]["global_step"] == 60
    for name, tensor in ends[0]["state_dict"].items():
        torch.testing.assert_close(ends[1]["state_dict"][name], tensor, rtol=0, atol=0, msg=name)


@pytest.mark.slow
def test_a_run_limited_by_time_ends_with_a_rate_of_zero_and_may_average_weights(config, tmp_path, torch_seed):
    average = '[{"class_path": "lightning.pytorch.callbacks.EMAWeightAveraging", "init_args": {"decay": 0.9}}]'
    options = ["--trainer.max_steps", "-1", "--trainer.max_time", "00:00:00:06", "--trainer.callbacks", average]
    main(["fit", "--config", str(config), *options])
    checkpoint = read_checkpoint(tmp_path / "run" / "checkpoints" / "last.ckpt")
    (optimizer,) = checkpoint["optimizer_states"]
    assert all(group["lr"] < 2e-5 for group in optimizer["param_groups"])
    assert isinstance(load_network(tmp_path / "run" / "checkpoints" / "last.ckpt"), MutualInfoNet)


@pytest.mark.slow
def test_two_devices_train_in_half_precision_on_records_drawn_beside(make_dataset, tmp_path, tiny):
    """The configuration `gpu` on processors: no accelerator is needed to see that it runs."""
    dataset = make_dataset(shards=2)
    network = tmp_path / "network.yaml"
    network.write_text(yaml.safe_dump({"model": {"network": tiny.to_dict()}}))
    options = {
        "data.directory": dataset, "data.draw": "tiny", "data.workers": 1, "data.buffer_records": 300,
        "data.batching.max_elements": 20_000, "trainer.default_root_dir": tmp_path / "run",
        "trainer.accelerator": "cpu", "trainer.devices": 2, "trainer.max_epochs": 2, "trainer.log_every_n_steps": 1,
        "trainer.accumulate_grad_batches": 1, "trainer.precision": "bf16-mixed",
    }  # fmt: skip
    command = [sys.executable, "-m", "mutualist", "train", "fit", "--config", "gpu", "--config", str(network)]
    command += [f"--{name}={value}" for name, value in options.items()]
    done = subprocess.run([*command, "--trainer.limit_train_batches=0.5"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "2 devices must train on as many batches" in done.stderr
    done = subprocess.run([*command, "--trainer.limit_train_batches=5"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = logged(tmp_path / "run")
    assert max(int(row["step"]) for row in rows) == 9
    losses = [float(row["train/loss"]) for row in rows if row["train/loss"]]
    assert len(losses) == 10
    assert all(math.isfinite(loss) for loss in losses)
    assert len([row for row in rows if row["val/pinball"]]) == 2
