"""From a checkpoint to files that the estimator reads: calibrate, export, load."""

import io
import json
import os
import signal

import numpy as np
import pytest
import torch
from rich.console import Console
from typer.testing import CliRunner

from mutualist.datagen import manifest
from mutualist.errors import ConfigError, DataError, WeightsError
from mutualist.models import MutualInfoNet
from mutualist.models.bundle import load_bundle
from mutualist.training.batching import collate
from mutualist.training.calibrate import calibrate, read_calibration
from mutualist.training.checkpoint import CONFIG_KEY, load_network
from mutualist.training.commands import calibrate_app, export_app
from mutualist.training.data import MetaDataModule
from mutualist.training.export import export, meta_distribution
from mutualist.training.predict import answers, answers_for

QUIET = Console(quiet=True)


def test_an_export_answers_exactly_as_the_checkpoint_did(exported, checkpoint, dataset):
    directory, _ = exported
    assert sorted(path.name for path in directory.iterdir()) == ["model.json", "model.safetensors"]
    stream = MetaDataModule(str(dataset)).stream("test")
    before, after = (answers(net, stream) for net in (load_network(checkpoint), load_bundle(directory).net))
    np.testing.assert_array_equal(before.quantiles, after.quantiles)


def test_an_export_says_what_it_was_made_of(exported, dataset):
    bundle = load_bundle(exported[0])
    assert (bundle.info["name"], bundle.info["version"]) == ("small", "7")
    records = [r for r in MetaDataModule(str(dataset)).stream("train").records()]
    stated = bundle.info["meta_distribution"]
    assert stated["records"] == len(records) == 120
    assert stated["n"] == {"min": min(r.n for r in records), "max": max(r.n for r in records)}
    assert stated["dx"] == stated["dy"] == {"min": 1, "max": 3}
    assert stated["families"].keys() == {"independent", "normal"}
    assert sum(stated["families"].values()) == pytest.approx(1)
    assert stated["independent"] == pytest.approx(stated["families"]["independent"])
    assert {"mutualist", "torch", "python"} <= bundle.info["versions"].keys()
    assert bundle.info["metrics"]["after"]["all"]["records"] == 120


def test_calibration_is_reported_on_records_it_was_not_fitted_to(checkpoint, dataset, tmp_path):
    console = Console(record=True, width=140, quiet=False, file=io.StringIO())
    fitted = calibrate(checkpoint, dataset, tmp_path / "c.json", test_split="test", console=console)
    text = console.export_text()
    assert "split 'test'" in text
    assert "cover 90 %" in text
    assert "MI = 0" in text
    document = read_calibration(tmp_path / "c.json")
    assert document["metrics"]["records_calibrated_on"] == 120
    assert document["calibration"] == fitted.to_dict()


def test_whoever_may_read_the_description_may_read_the_weights(exported):
    description, tensors = (exported[0] / name for name in ("model.json", "model.safetensors"))
    assert tensors.stat().st_mode == description.stat().st_mode


def test_the_commands_do_the_same(checkpoint, dataset, tmp_path):
    runner = CliRunner()
    out, directory = tmp_path / "c.json", tmp_path / "export"
    place = ["--checkpoint", str(checkpoint), "--data", str(dataset)]
    result = runner.invoke(calibrate_app, [*place, "--out", str(out)], catch_exceptions=False)
    assert result.exit_code == 0
    assert "calibration written to" in result.output
    result = runner.invoke(
        export_app, [*place, "--calibration", str(out), "--out", str(directory)], catch_exceptions=False
    )
    assert result.exit_code == 0
    assert load_bundle(directory).info["name"] == "mutualist"


def test_a_calibration_of_other_weights_is_refused(checkpoint, dataset, tmp_path):
    out = tmp_path / "c.json"
    calibrate(checkpoint, dataset, out, console=QUIET)
    other = torch.load(checkpoint, weights_only=True)
    next(tensor for tensor in other["state_dict"].values() if tensor.is_floating_point()).view(-1)[0] += 1e-6
    torch.save(other, tmp_path / "other.ckpt")
    with pytest.raises(WeightsError, match=r"c\.json: fitted for other weights than those of .*other\.ckpt"):
        export(tmp_path / "other.ckpt", out, dataset, tmp_path / "export")
    assert not (tmp_path / "export").exists()


def test_a_calibration_does_not_overwrite_what_goes_beside_it(checkpoint, dataset, tmp_path):
    with pytest.raises(ConfigError, match=r"name a \.json file"):
        calibrate(checkpoint, dataset, tmp_path / "c.safetensors", console=QUIET)


@pytest.mark.parametrize("content", ["", "[]", '{"format": 99}'])
def test_what_is_no_calibration_is_refused(content, checkpoint, dataset, tmp_path):
    (tmp_path / "c.json").write_text(content)
    with pytest.raises(WeightsError, match=r"c\.json: not a"):
        export(checkpoint, tmp_path / "c.json", dataset, tmp_path / "export")


def test_a_damaged_training_split_is_named(make_dataset):
    directory = make_dataset(shards=1, splits=("train",))
    (shard,) = directory.glob("train/*.parquet")
    shard.write_bytes(shard.read_bytes()[:200])
    with pytest.raises(DataError, match=r"shard-00000\.parquet"):
        meta_distribution(directory)


def test_answers_that_are_not_finite_are_refused(checkpoint, dataset):
    net = load_network(checkpoint)
    with torch.no_grad():
        next(net.several.head.parameters()).fill_(torch.nan)
    with pytest.raises(DataError, match="not finite"):
        answers(net, MetaDataModule(str(dataset)).stream("test"))


def test_answers_are_the_same_for_any_number_of_processes(checkpoint, make_dataset):
    net, stream = load_network(checkpoint), MetaDataModule(str(make_dataset(shards=3, splits=("test",)))).stream("test")
    done: list[int] = []
    one, two = (answers_for(net, stream, 5, workers, done.append) for workers in (1, 2))
    assert done == [*stream.counts, *stream.counts]
    for name in ("quantiles", "truth", "tied", "n"):
        np.testing.assert_allclose(getattr(one, name), getattr(two, name), rtol=1e-4, atol=1e-5)
    assert one.family.tolist() == two.family.tolist()


def test_every_other_record_is_answered_with_y_shuffled(checkpoint, make_dataset):
    net, stream = load_network(checkpoint), MetaDataModule(str(make_dataset(shards=3, splits=("test",)))).stream("test")
    found = [answers_for(net, stream, 5, workers, int, shuffled=True) for workers in (1, 2)]
    assert len(found[0]) == sum((count + 1) // 2 for count in stream.counts)
    assert (found[0].truth == 0).all()
    np.testing.assert_allclose(found[0].quantiles, found[1].quantiles, rtol=1e-4, atol=1e-5)
    plain = answers_for(net, stream, 5, 1, int)
    assert set(found[0].family) <= set(plain.family)
    assert not np.isin(found[0].quantiles[:, 0], plain.quantiles[:, 0]).all()


def test_errors_in_a_process_are_as_clear_as_without(checkpoint, make_dataset):
    directory = make_dataset(shards=3, splits=("test",))
    shard = directory / "test" / "shard-00001.parquet"
    stream = MetaDataModule(str(directory)).stream("test")
    shard.write_bytes(shard.read_bytes()[:200])
    with pytest.raises(DataError, match=r"shard-00001\.parquet") as caught:
        answers_for(load_network(checkpoint), stream, 0, 2, lambda count: None)
    assert "Traceback" not in str(caught.value)


def test_a_killed_process_is_told(checkpoint, make_dataset):
    class Lethal(MutualInfoNet):
        def read(self, sample):
            os.kill(os.getpid(), signal.SIGKILL)

    net, stream = load_network(checkpoint), MetaDataModule(str(make_dataset(shards=2, splits=("test",)))).stream("test")
    net.__class__ = Lethal
    with pytest.raises(DataError, match="a process that answered was lost"):
        answers_for(net, stream, 0, 2, lambda count: None)


def test_answers_of_no_records_are_refused(checkpoint):
    with pytest.raises(DataError, match="no records"):
        answers(load_network(checkpoint), [])


def test_answers_keep_what_belongs_together(checkpoint, dataset):
    records = list(MetaDataModule(str(dataset)).stream("test").records())[:6]
    given = answers(load_network(checkpoint), [collate(records[:3]), collate(records[3:])])
    assert given.truth.tolist() == pytest.approx([r.mi for r in records])
    assert given.n.tolist() == [r.n for r in records]
    assert (given.dx + given.dy).tolist() == [r.d for r in records]
    some = given.where(given.truth > 0)
    assert len(some) == sum(r.mi > 0 for r in records)
    assert some.family.tolist() == [r.family for r in records if r.mi > 0]


def test_a_checkpoint_carries_the_network_configuration(checkpoint, tiny):
    stored = torch.load(checkpoint, weights_only=True)[CONFIG_KEY]
    assert stored == tiny.to_dict()


def test_an_unfinished_meta_dataset_is_refused(make_dataset):
    data = make_dataset()
    values = dict.fromkeys(manifest._KEYS) | {"format": manifest.FORMAT, "complete": False, "shards": []}
    values |= {"config": {}, "config_sha256": manifest.config_digest({})}
    (data / manifest.MANIFEST).write_text(json.dumps(values))
    for read in (lambda: MetaDataModule(str(data)).stream("train"), lambda: meta_distribution(data)):
        with pytest.raises(DataError, match="not finished"):
            read()
