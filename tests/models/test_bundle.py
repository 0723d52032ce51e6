"""Reading an export: what was written comes back, and nothing else is taken."""

import json
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from mutualist.errors import WeightsError
from mutualist.models import ModelConfig, MutualInfoNet
from mutualist.models.bundle import FORMAT, load_bundle
from mutualist.models.calibration import Calibration
from mutualist.models.reader import summary_features
from mutualist.models.strangeness import Reference
from mutualist.models.trust import Trust, is_trust
from mutualist.training.expected_error import fit_errors

TINY = ModelConfig(width=8, pair_width=4, layers=2, heads=2, cosines=2, row_width=4, neighbours=(1, 4), queries=16)


@pytest.fixture
def net(torch_seed) -> MutualInfoNet:
    return MutualInfoNet(TINY).eval()


@pytest.fixture
def directory(net, tmp_path):
    span = {"min": 1, "max": 9}
    info = {
        "format": FORMAT,
        "name": "small",
        "version": "1",
        "config": TINY.to_dict(),
        "calibration": Calibration.identity(TINY.levels).to_dict(),
        "meta_distribution": {"n": span, "dx": span, "dy": span},
        "metrics": {"mae": 0.1},
        "versions": {"torch": "2"},
    }
    folder = tmp_path / "small"
    folder.mkdir()
    summaries = np.random.default_rng(0).standard_normal((40, summary_features(TINY)))
    trust = Trust(Reference.fit(summaries, np.random.default_rng(0)), fit_errors(summaries, np.abs(summaries[:, 0])))
    tensors = {key: torch.from_numpy(value) for key, value in trust.to_tensors().items()}
    save_file(net.state_dict() | tensors, folder / "model.safetensors")
    (folder / "model.json").write_text(json.dumps(info))
    return folder


def describe(directory, **change) -> None:
    path = directory / "model.json"
    info = json.loads(path.read_text()) | change
    path.write_text(json.dumps({key: value for key, value in info.items() if value is not None}))


def test_what_was_written_comes_back(directory, net):
    bundle = load_bundle(directory)
    assert bundle.net.config == TINY
    assert not bundle.net.training
    assert not any(p.requires_grad for p in bundle.net.parameters())
    for name, tensor in net.state_dict().items():
        assert torch.equal(bundle.net.state_dict()[name], tensor)
    assert (bundle.info["name"], bundle.info["version"]) == ("small", "1")
    np.testing.assert_array_equal(bundle.calibration.levels, TINY.levels)


def test_a_path_as_text_will_do(directory):
    assert load_bundle(str(directory)).info["name"] == "small"


def test_a_directory_that_is_not_there_is_named(tmp_path):
    with pytest.raises(WeightsError, match="nowhere: no such directory; give one"):
        load_bundle(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["model.json", "model.safetensors"])
def test_a_missing_file_is_named(directory, name):
    (directory / name).unlink()
    with pytest.raises(WeightsError, match=name):
        load_bundle(directory)


@pytest.mark.parametrize("part", [0, 4, 100, 0.5, 0.99])
def test_truncated_tensors_are_refused(directory, part):
    path = directory / "model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content)) if isinstance(part, float) else part])
    with pytest.raises(WeightsError, match=r"model\.safetensors: truncated or not safetensors"):
        load_bundle(directory)


def test_a_pickle_is_never_loaded(directory):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was loaded",))

    for name in ("model.safetensors", "model.ckpt", "model.pt", "pytorch_model.bin"):
        (directory / name).write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(WeightsError, match="not safetensors"):
        load_bundle(directory)


@pytest.mark.parametrize("content", ["", "{", "not json", "[]", "null"])
def test_a_damaged_description_is_refused(directory, content):
    (directory / "model.json").write_text(content)
    with pytest.raises(WeightsError, match=r"model\.json"):
        load_bundle(directory)


@pytest.mark.parametrize("version", [None, 0, FORMAT + 1, "1"])
def test_another_format_is_refused(directory, version):
    describe(directory, format=version)
    with pytest.raises(WeightsError, match=f"this release reads format {FORMAT}"):
        load_bundle(directory)


@pytest.mark.parametrize(
    "key", ["name", "version", "config", "calibration", "meta_distribution", "metrics", "versions"]
)
def test_a_description_that_leaves_something_out_is_refused(directory, key):
    describe(directory, **{key: None})
    with pytest.raises(WeightsError, match=f"does not say {key}"):
        load_bundle(directory)


@pytest.mark.parametrize(
    "change", [{"more": 1}, {"width": -8}, {"heads": 3}, {"levels": [0.5, 0.1]}, {"width": "wide"}, {"row_width": 4.5}]
)
def test_a_configuration_that_is_none_is_refused(directory, change):
    describe(directory, config=TINY.to_dict() | change)
    with pytest.raises(WeightsError, match=r"model\.json"):
        load_bundle(directory)


def test_a_calibration_for_other_levels_is_refused(directory):
    describe(directory, calibration=Calibration.identity([0.1, 0.5, 0.9]).to_dict())
    with pytest.raises(WeightsError, match="calibration is for other levels"):
        load_bundle(directory)


@pytest.mark.parametrize("ranges", [[], {"n": {"min": 1}}, {"n": 5}])
def test_a_meta_distribution_without_ranges_is_refused(directory, ranges):
    describe(directory, meta_distribution=ranges)
    with pytest.raises(WeightsError, match="trained range of"):
        load_bundle(directory)


def change_tensors(directory, change) -> None:
    tensors = load_file(directory / "model.safetensors")
    change(tensors)
    save_file(tensors, directory / "model.safetensors")


def first(tensors) -> str:
    return next(name for name in sorted(tensors) if tensors[name].ndim == 2 and not is_trust(name))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop(first(t)), "tensors missing"),
        (lambda t: t.update(extra=torch.ones(2)), "unknown: .*extra"),
        (lambda t: t.update({first(t): t[first(t)][:1].clone()}), "expected torch.float32"),
        (lambda t: t.update({first(t): t[first(t)].double()}), "is torch.float64"),
        (lambda t: t[first(t)].fill_(float("nan")), "holds NaN or infinity"),
        (lambda t: t[first(t)].fill_(float("inf")), "holds NaN or infinity"),
    ],
)
def test_tensors_that_do_not_fit_exactly_are_refused(directory, change, message):
    change_tensors(directory, change)
    with pytest.raises(WeightsError, match=message) as raised:
        load_bundle(directory)
    assert str(directory / "model.safetensors") in str(raised.value)


def test_a_calibration_for_another_network_is_refused(directory):
    def narrow(tensors):
        for name in ("reference.centre", "reference.directions"):
            tensors[name] = tensors[name][:-1].contiguous()

    change_tensors(directory, narrow)
    with pytest.raises(WeightsError, match="calibrate this checkpoint"):
        load_bundle(directory)
