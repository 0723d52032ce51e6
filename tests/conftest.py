"""What holds for every test: one thread, no display, and no trace left on global random state."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

# Before numpy and torch are imported: several threads per worker only fight over the cores, and sums over more
# threads round differently.
for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import numpy as np  # noqa: E402
import pytest  # noqa: E402
from numpy.typing import ArrayLike  # noqa: E402

from mutualist import factory  # noqa: E402
from mutualist.errors import InputError  # noqa: E402
from mutualist.result import MIEstimate, PairwiseEstimates  # noqa: E402


def _global_state() -> dict[str, Any]:
    """The process-wide settings that a test must leave as it found them. torch is looked at only once imported."""
    numpy_state: Any = np.random.get_state()  # noqa: NPY002
    state: dict[str, Any] = {"numpy's global random state": (numpy_state[0], numpy_state[1].tolist(), *numpy_state[2:])}
    if "torch" in sys.modules:
        import torch

        state["torch's global random state"] = torch.get_rng_state().numpy().tobytes()
        state["torch's default dtype"] = torch.get_default_dtype()
        state["torch's number of threads"] = torch.get_num_threads()
    return state


@pytest.fixture(autouse=True)
def no_global_state() -> Iterator[None]:
    """Fails a test that seeds, draws from, or sets something for the whole process, and so could sway the next one."""
    before = _global_state()
    yield
    after = _global_state()
    changed = [name for name, value in before.items() if after[name] != value]
    if not changed:
        return
    np.random.set_state(before["numpy's global random state"])  # noqa: NPY002
    if "torch's default dtype" in before:
        import torch

        torch.set_rng_state(torch.frombuffer(bytearray(before["torch's global random state"]), dtype=torch.uint8))
        torch.set_default_dtype(before["torch's default dtype"])
        torch.set_num_threads(before["torch's number of threads"])
    pytest.fail(
        f"the test changed {' and '.join(changed)}. Pass a Generator instead; a test that needs random weights, or "
        "runs code that seeds for the whole process, asks for the fixture `torch_seed`."
    )


@pytest.fixture
def torch_seed() -> Iterator[int]:
    """Seeds torch for a test that makes random weights, and gives torch and numpy their states back afterwards."""
    import torch

    seed = 0
    numpy_state = np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield seed
    np.random.set_state(numpy_state)  # noqa: NPY002


class GaussianEstimator:
    """Normal-copula estimate of the mutual information; the spread of its quantiles is made up."""

    levels = np.array([0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99])
    info: Mapping[str, Any] = {
        "name": "gaussian",
        "version": "0",
        "meta_distribution": {"n": [2, 500]},
        "metrics": {},
        "versions": {},
    }

    def estimate(self, x: ArrayLike, y: ArrayLike) -> MIEstimate:
        x, y = (np.asarray(v, dtype=float).reshape(len(np.asarray(v)), -1) for v in (x, y))
        if len(x) != len(y) or len(x) < 2 or not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise InputError(f"x has {len(x)} rows and y {len(y)}; give the same number, at least 2, all finite")
        scores = np.hstack([x, y]).argsort(0).argsort(0).astype(float)
        shrunk = 0.98 * np.corrcoef(scores.T) + 0.02 * np.eye(scores.shape[1])
        dx = x.shape[1]
        parts = [np.linalg.slogdet(c)[1] for c in (shrunk[:dx, :dx], shrunk[dx:, dx:], shrunk)]
        mi = max(0.0, 0.5 * (parts[0] + parts[1] - parts[2]))
        spread = np.array([-2.3, -1.6, -0.7, 0.0, 0.7, 1.6, 2.3]) / np.sqrt(len(x))
        warnings = ("n is above the trained range",) if len(x) > 500 else ()
        model = {"name": "gaussian", "version": "0"}
        return MIEstimate(self.levels, np.maximum(mi + spread, 0.0), len(x), dx, y.shape[1], warnings, model)

    def estimate_batch(self, pairs: Sequence[tuple[ArrayLike, ArrayLike]]) -> list[MIEstimate]:
        return [self.estimate(x, y) for x, y in pairs]

    def estimate_pairs(self, table: ArrayLike, pairs: ArrayLike) -> list[MIEstimate]:
        columns = np.asarray(table, dtype=float).T
        return self.estimate_batch([(columns[i], columns[j]) for i, j in np.asarray(pairs)])

    def pairwise(self, table: ArrayLike, names: Sequence[str] | None = None) -> PairwiseEstimates:
        n, d = np.asarray(table).shape
        pairs = list(combinations(range(d), 2))
        found = self.estimate_pairs(table, pairs)
        warnings = {pair: one.warnings for pair, one in zip(pairs, found, strict=True) if one.warnings}
        names = tuple(names or map(str, range(d)))
        return PairwiseEstimates(
            names, self.levels, np.array([one.values for one in found]), n, warnings, found[0].model
        )


@pytest.fixture(scope="session")
def stand_in() -> GaussianEstimator:
    """An estimator that needs no weights."""
    return GaussianEstimator()


@pytest.fixture
def gaussian(monkeypatch: pytest.MonkeyPatch, stand_in: GaussianEstimator) -> GaussianEstimator:
    """The stand-in, given to the command and the service in place of the bundled weights."""
    monkeypatch.setattr(factory, "load_estimator", lambda weights=None: stand_in)
    return stand_in


@pytest.fixture(scope="session")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of a network with random weights: for tests of what an estimate passes through, not of its value."""
    import torch
    from safetensors.torch import save_file

    from mutualist.models import ModelConfig, MutualInfoNet
    from mutualist.models.bundle import DESCRIPTION, FORMAT, TENSORS
    from mutualist.models.calibration import Calibration
    from mutualist.models.reader import summary_features
    from mutualist.models.strangeness import Reference
    from mutualist.models.trust import Trust
    from mutualist.training.expected_error import fit_errors

    config = ModelConfig(width=16, pair_width=8, layers=1, heads=2)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        tensors = MutualInfoNet(config).state_dict()
    trained = {key: {"min": low, "max": high} for key, low, high in (("n", 10, 500), ("dx", 1, 8), ("dy", 1, 8))}
    info = {
        "format": FORMAT,
        "name": "untrained",
        "version": "0",
        "config": config.to_dict(),
        "calibration": Calibration.identity(config.levels).to_dict(),
        "meta_distribution": trained,
        "metrics": {},
        "versions": {},
    }
    directory = tmp_path_factory.mktemp("untrained")
    summaries = np.random.default_rng(0).standard_normal((100, summary_features(config)))
    trust = Trust(Reference.fit(summaries, np.random.default_rng(0)), fit_errors(summaries, np.abs(summaries[:, 0])))
    tensors |= {key: torch.from_numpy(value) for key, value in trust.to_tensors().items()}
    save_file({key: value.contiguous() for key, value in tensors.items()}, directory / TENSORS)
    (directory / DESCRIPTION).write_text(json.dumps(info))
    return directory


@pytest.fixture(scope="session")
def service_url(untrained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of `mutualist serve` with these weights: its own process, a real socket."""
    state = str(tmp_path_factory.mktemp("state"))
    options = ["--port", "0", "--weights", str(untrained), "--log-level", "error", "--state-dir", state]
    words = ["-m", "mutualist", "serve", *options]
    process = subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found, f"the service does not start: {line!r}"
        yield found[0]
    finally:
        process.kill()
        process.communicate()
