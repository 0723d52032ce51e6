"""The estimator of a service: what it asks, how much travels, and that its answers are those of the local one."""

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from mutualist import InputError, MIEstimate, MutualInfoEstimator, RemoteEstimator, ServiceError
from mutualist import remote as remote_module
from mutualist.cli import app
from mutualist.remote import BATCH_PAIRS, BATCH_VALUES, JSON_VALUES, _requests

DIABETES = str(Path(__file__).parents[2] / "data" / "examples" / "diabetes.csv")
Array = np.ndarray[Any, Any]


@pytest.fixture(scope="module")
def local(untrained: Path) -> MutualInfoEstimator:
    return MutualInfoEstimator.from_pretrained(untrained)


@pytest.fixture(scope="module")
def remote(service_url: str) -> Iterator[RemoteEstimator]:
    with RemoteEstimator(service_url) as estimator:
        yield estimator


def same(found: MIEstimate, expected: MIEstimate) -> None:
    np.testing.assert_allclose(found.values, expected.values, atol=1e-5, rtol=1e-5)
    np.testing.assert_array_equal(found.levels, expected.levels)
    assert (found.n, found.dx, found.dy) == (expected.n, expected.dx, expected.dy)
    assert found.warnings == expected.warnings
    assert found.model == expected.model


@st.composite
def samples(draw: st.DrawFn) -> tuple[Array, Array]:
    """Continuous, tied, constant and gapless columns of any magnitude, in unlike numbers."""
    n, dx, dy = draw(st.integers(4, 60)), draw(st.integers(1, 4)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = rng.normal(size=(n, dx + dy))
    for j in range(dx + dy):
        kind = draw(st.sampled_from(["normal", "ties", "constant", "huge", "tiny"]))
        if kind == "ties":
            values[:, j] = np.round(values[:, j])
        elif kind == "constant":
            values[:, j] = draw(st.floats(-1e9, 1e9))
        else:
            values[:, j] *= {"normal": 1.0, "huge": 1e300, "tiny": 1e-310}[kind]
    return values[:, :dx], values[:, dx:]


@given(pairs=st.lists(samples(), min_size=1, max_size=4))
@settings(max_examples=15, deadline=None)
def test_any_sample_gets_the_answer_of_the_library(
    local: MutualInfoEstimator, remote: RemoteEstimator, pairs: list[tuple[Array, Array]]
) -> None:
    alone = [local.estimate(x, y) for x, y in pairs]
    for found, expected in zip(remote.estimate_batch(pairs), alone, strict=True):
        same(found, expected)
    same(remote.estimate(*pairs[0]), alone[0])


@pytest.mark.parametrize("long", [False, True], ids=["request", "job"])
def test_pairwise_gets_the_answer_of_the_library(
    local: MutualInfoEstimator, remote: RemoteEstimator, monkeypatch: pytest.MonkeyPatch, long: bool
) -> None:
    rng = np.random.default_rng(1)
    table = rng.normal(size=(90, 4))
    table[:, 2] = 7.0
    table[:, 3] = table[:, 3].round()  # two warnings for some pairs, one for others
    table[4, 1] = np.nan
    names = ["a,b", "a,b", "", "ü"]  # names are only ever labels
    if long:
        monkeypatch.setattr(remote_module, "LONG_WORK", 0)
    found = remote.pairwise(table, names, nan_policy="omit")
    expected = local.pairwise(table, names, nan_policy="omit")
    np.testing.assert_allclose(found.values, expected.values, atol=1e-5, rtol=1e-5)
    assert (found.names, found.n, found.model) == (expected.names, expected.n, expected.model)
    assert found.warnings == expected.warnings
    assert found.warnings  # of the constant column


def test_some_pairs_of_a_table_get_the_answer_of_the_library(
    local: MutualInfoEstimator, remote: RemoteEstimator
) -> None:
    table = np.random.default_rng(5).normal(size=(50, 4)).cumsum(1).round(1)
    pairs = [(0, 3), (2, 1), (0, 1)]
    found, expected = remote.estimate_pairs(table, pairs), local.estimate_pairs(table, pairs)
    for one, other in zip(found, expected, strict=True):
        same(one, other)
    assert len(found) == 3
    for wrong in ([(0, 4)], [(-1, 0)], [(1, 1)], [0, 1], [(0, 1, 2)], [(0.0, 1.0)]):
        for estimator in (remote, local):
            with pytest.raises(InputError, match="pair"):
                estimator.estimate_pairs(table, wrong)


def test_the_methods_are_those_of_the_library() -> None:
    names = [{name for name in dir(one) if name[0] != "_"} for one in (RemoteEstimator, MutualInfoEstimator)]
    assert names[0] - names[1] == {"close"}
    assert names[1] - names[0] == {"from_pretrained"}


def test_it_describes_the_weights_of_the_service(local: MutualInfoEstimator, remote: RemoteEstimator) -> None:
    for key in ("name", "version", "meta_distribution"):
        assert remote.info[key] == local.info[key]
    assert remote.levels == local.levels


def test_threads_share_one(local: MutualInfoEstimator, remote: RemoteEstimator) -> None:
    rng = np.random.default_rng(2)
    pairs = [(rng.normal(size=(20 + i, 1)), rng.normal(size=(20 + i, 2))) for i in range(12)]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda pair: remote.estimate(*pair), pairs))
    for one, (x, y) in zip(found, pairs, strict=True):
        same(one, local.estimate(x, y))


def test_more_than_the_service_takes_is_an_input_error(remote: RemoteEstimator) -> None:
    x = np.zeros((remote.info["limits"]["max_rows"] + 1, 1))
    with pytest.raises(InputError, match=r"limit is"):
        remote.estimate(x, x)


def test_large_samples_travel_as_eight_bytes_a_number(monkeypatch: pytest.MonkeyPatch, remote: RemoteEstimator) -> None:
    asked: list[tuple[str, dict[str, Any]]] = []
    real = remote._connection.ask

    def ask(method: str, path: str, **content: Any) -> Any:
        asked.append((path, content))
        return real(method, path, **content)

    monkeypatch.setattr(remote._connection, "ask", ask)
    x, y = np.random.default_rng(3).normal(size=(2, 10_000))
    remote.estimate(x, y)
    path, content = asked[-1]
    assert path == "v1/table/estimate"
    assert len(content["content"]) < 8 * 20_000 + 2_000
    with pa.ipc.open_stream(io.BytesIO(content["content"])) as stream:
        table = stream.read_all()
    np.testing.assert_array_equal(table.column(0).to_numpy(), x)


@given(sizes=st.lists(st.integers(8, 3 * JSON_VALUES), max_size=300))
def test_requests_hold_each_sample_once_and_stay_small(sizes: list[int]) -> None:
    groups = _requests(sizes, BATCH_PAIRS)
    assert [i for group in groups for i in group] == list(range(len(sizes)))
    for group in groups:
        total = [sizes[i] for i in group]
        assert len(group) <= BATCH_PAIRS
        assert sum(total) <= BATCH_VALUES
        assert len(group) == 1 or max(total) <= JSON_VALUES
    for earlier, later in pairwise(groups):  # none is split without a reason
        joined = [sizes[i] for i in (*earlier, later[0])]
        assert len(joined) > BATCH_PAIRS or sum(joined) > BATCH_VALUES or max(joined) > JSON_VALUES


def answer(runner: CliRunner, *words: str) -> Any:
    result = runner.invoke(app, [*words, "--json"])
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize(
    "words",
    [
        ("estimate", DIABETES, "--x", "bmi,glucose", "--y", "progression", "--unit", "bits", "--level", "0.5"),
        ("rank", DIABETES, "--target", "progression"),
        ("pairwise", DIABETES, "--columns", "age,bmi,ldl"),
    ],
    ids=lambda words: words[0],
)
def test_the_command_asks_the_service(
    runner: CliRunner, service_url: str, untrained: Path, words: tuple[str, ...]
) -> None:
    found = answer(runner, *words, "--url", service_url)
    expected = answer(runner, *words, "--weights", str(untrained))

    def close(a: Any, b: Any) -> None:
        assert type(a) is type(b)
        if isinstance(a, dict):
            assert a.keys() == b.keys()
            for key in a:
                close(a[key], b[key])
        elif isinstance(a, list):
            assert len(a) == len(b)
            for one, other in zip(a, b, strict=True):
                close(one, other)
        else:
            assert a == (pytest.approx(b, abs=2e-5) if isinstance(b, float) else b)

    close(found, expected)


def test_the_command_says_what_is_wrong_with_the_service(runner: CliRunner, service_url: str, untrained: Path) -> None:
    words = ["estimate", DIABETES, "--x", "bmi", "--y", "ldl"]
    both = runner.invoke(app, [*words, "--url", service_url, "--weights", str(untrained)])
    assert both.exit_code == 2
    assert "give one of them" in both.stderr
    wrong = runner.invoke(app, [*words, "--url", f"{service_url}/elsewhere"])
    assert wrong.exit_code == 2
    assert "is this a mutualist service" in " ".join(wrong.stderr.split())


def test_the_command_needs_no_torch_to_ask(service_url: str) -> None:
    code = (
        "import sys; from mutualist.cli import app; "
        f"app(['estimate', {DIABETES!r}, '--x', 'bmi', '--y', 'ldl', '--url', {service_url!r}], "
        "standalone_mode=False); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.split()[-1] == "False", done.stderr
    assert "mutual information" in done.stdout


def test_a_job_that_fails_says_why(monkeypatch: pytest.MonkeyPatch, remote: RemoteEstimator) -> None:
    monkeypatch.setattr(remote_module, "LONG_WORK", 0)
    assert remote.info  # asked for before the connection is replaced, and then remembered
    asked: list[str] = []

    def ask(method: str, path: str, **_: Any) -> Any:
        asked.append(f"{method} {path}")
        return {"id": "7", "state": "failed", "error": "the worker was killed"}

    monkeypatch.setattr(remote._connection, "ask", ask)
    with pytest.raises(ServiceError, match="failed the job: the worker was killed"):
        remote.pairwise(np.eye(6))
    assert asked == ["POST v1/jobs/pairwise", "GET v1/jobs/7", "DELETE v1/jobs/7"]


def test_a_job_is_cancelled_when_the_caller_gives_up(monkeypatch: pytest.MonkeyPatch, remote: RemoteEstimator) -> None:
    monkeypatch.setattr(remote_module, "LONG_WORK", 0)
    assert remote.info
    asked: list[str] = []

    def ask(method: str, path: str, **_: Any) -> Any:
        asked.append(f"{method} {path}")
        return {"id": "7", "state": "running", "error": None}

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(remote._connection, "ask", ask)
    monkeypatch.setattr("mutualist.remote.time.sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        remote.pairwise(np.eye(6))
    assert asked[-1] == "DELETE v1/jobs/7"
