"""What holds for every test: one thread, no display, and no trace left on global random state."""

import os
import sys
from collections.abc import Iterator
from typing import Any

# Before numpy and torch are imported: several threads per worker only fight over the cores, and sums over more
# threads round differently.
for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import numpy as np  # noqa: E402
import pytest  # noqa: E402


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
