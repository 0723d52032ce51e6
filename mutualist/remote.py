"""The estimator of another machine: the methods and the answers of the local one, over HTTP and without torch."""

import contextlib
import io
import time
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from mutualist.connection import Connection
from mutualist.errors import ServiceError
from mutualist.inputs import NanPolicy, Sample, as_complete_table, as_pairs, as_sample, as_samples
from mutualist.result import MIEstimate, PairwiseEstimates

ARROW = {"Content-Type": "application/vnd.apache.arrow.stream"}
JSON_VALUES = 4096  # a sample of more numbers travels by itself in binary: three times smaller, and read at once
BATCH_VALUES = 1 << 18  # numbers in one batch: about 5 MB of JSON
BATCH_PAIRS = 64
DESCRIBED = {"name", "version", "levels", "limits"}  # what is needed of /v1/model
LONG_WORK = 2_000_000  # rows times pairs of a table that is sent as a job: some seconds of work for one
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0  # seconds between two looks at a job


class RemoteEstimator:
    """Asks a service (`mutualist serve`) for what `MutualInfoEstimator` answers by itself.

    The same methods give the same answers: the service sends the quantiles at every level of its grid. Data are checked
    here, by the code that the local estimator uses, before they travel. Safe to share between threads.

    Args:
        url: address of the service, such as "http://localhost:8000".
        api_key: sent with every request, if the service asks for one.
        timeout: seconds to wait for one answer.
        patience: seconds in all that one request waits for a service that says it is busy.

    Raises:
        InputError: url is no address of a service. The service itself is asked when its first answer is needed.
    """

    def __init__(self, url: str, *, api_key: str | None = None, timeout: float = 60.0, patience: float = 60.0) -> None:
        self._connection = Connection(url, api_key=api_key, timeout=timeout, patience=patience)
        self._info: Mapping[str, Any] | None = None

    def __enter__(self) -> "RemoteEstimator":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"RemoteEstimator({self._connection.url!r})"

    def close(self) -> None:
        """Closes the connections to the service."""
        self._connection.close()

    @property
    def info(self) -> Mapping[str, Any]:
        """What the service says of its weights: name, version, ranges of the training data, metrics; and its limits.

        Raises:
            ServiceError: the service cannot be reached, refuses the caller, stays busy, or fails.
        """
        info = self._info  # a variable: another thread may forget it meanwhile
        if info is None:
            info = self._connection.ask("GET", "v1/model")
            if not isinstance(info, dict) or not info.keys() >= DESCRIBED:
                raise ServiceError(
                    f"{self._connection.url} does not describe its weights as this release expects; is it a mutualist "
                    "service of the same one?"
                )
            self._info = info
        return info

    @property
    def levels(self) -> tuple[float, ...]:
        """The levels of the quantiles in every answer; between them, an answer interpolates."""
        return tuple(self.info["levels"])

    def estimate(self, x: ArrayLike, y: ArrayLike, *, nan_policy: NanPolicy = "raise") -> MIEstimate:
        """Estimates I(X; Y) in nats from n paired rows, as `MutualInfoEstimator.estimate` does.

        Args:
            x: real numbers, shape (n,) or (n, dx).
            y: real numbers, shape (n,) or (n, dy).
            nan_policy: "raise", or "omit" to leave out rows with missing or infinite values.

        Raises:
            InputError: unusable data, or more of them than the service takes; the message says what to change.
            ServiceError: the service cannot be reached, refuses the caller, stays busy, or fails.
        """
        return self._alone(as_sample(x, y, nan_policy))

    def estimate_batch(
        self, pairs: Sequence[tuple[ArrayLike, ArrayLike]], *, nan_policy: NanPolicy = "raise"
    ) -> list[MIEstimate]:
        """Estimates each pair (x, y) as `estimate` does, small ones together in one request.

        Raises:
            InputError: unusable data; the message says in which pair.
            ServiceError: the service cannot be reached, refuses the caller, stays busy, or fails.
        """
        samples = as_samples(pairs, nan_policy)
        answers: dict[int, MIEstimate] = {}
        most = min(BATCH_PAIRS, self.info["limits"]["max_pairs"])
        for group in _requests([sample.values.size for sample in samples], most):
            if len(group) == 1:
                answers[group[0]] = self._alone(samples[group[0]])
            else:
                answers.update(zip(group, self._together([samples[i] for i in group]), strict=True))
        return [answers[i] for i in range(len(samples))]

    def pairwise(
        self,
        table: ArrayLike | Mapping[str, ArrayLike],
        names: Sequence[str] | None = None,
        *,
        nan_policy: NanPolicy = "raise",
    ) -> PairwiseEstimates:
        """Estimates the mutual information of all pairs of columns of a table, in nats.

        Args:
            table: real numbers, shape (n, d), or a mapping or data frame of named columns.
            names: names of the columns; those of the table, or "0", "1", ... if absent.
            nan_policy: "raise", or "omit" to leave out rows with missing or infinite values in any column.

        Raises:
            InputError: unusable data; the message says what to change.
            ServiceError: the service cannot be reached, refuses the caller, stays busy, or fails.
        """
        values, names = as_complete_table(table, names, nan_policy)
        n, d = values.shape
        # The table travels under numbers: names need not be unique, nor free of commas.
        request = {"params": self._options(), "content": _arrow(map(str, range(d)), values), "headers": ARROW}
        long = n * d * (d - 1) // 2 > min(LONG_WORK, self.info["limits"]["max_work"])
        answer = self._job(request) if long else self._connection.ask("POST", "v1/pairwise", **request)
        self._notice(answer["model"])
        return _pairwise(names, answer)

    def estimate_pairs(self, table: ArrayLike | Mapping[str, ArrayLike], pairs: ArrayLike) -> list[MIEstimate]:
        """Estimates some pairs of columns of a table, given by their numbers (P, 2), as `estimate_batch` does.

        Raises:
            InputError: unusable data; the message says what to change.
            ServiceError: the service cannot be reached, refuses the caller, stays busy, or fails.
        """
        values, _ = as_complete_table(table, None, "raise")
        return self.estimate_batch([(values[:, i], values[:, j]) for i, j in as_pairs(pairs, values.shape[1])])

    def _alone(self, sample: Sample) -> MIEstimate:
        n, d = sample.values.shape
        if n * d <= JSON_VALUES:
            body = {**_pair(sample), "quantiles": self.levels}
            return self._estimate(sample, self._connection.ask("POST", "v1/estimate", json=body))
        names = [f"x[{i}]" for i in range(sample.dx)] + [f"y[{i}]" for i in range(d - sample.dx)]  # as warnings say
        sides = {"x": ",".join(names[: sample.dx]), "y": ",".join(names[sample.dx :])}
        request = {"params": {**sides, **self._options()}, "content": _arrow(names, sample.values), "headers": ARROW}
        return self._estimate(sample, self._connection.ask("POST", "v1/table/estimate", **request))

    def _together(self, samples: Sequence[Sample]) -> list[MIEstimate]:
        body = {"pairs": [_pair(sample) for sample in samples], "quantiles": self.levels}
        answer = self._connection.ask("POST", "v1/estimate/batch", json=body)
        return [self._estimate(sample, result) for sample, result in zip(samples, answer["results"], strict=True)]

    def _job(self, request: Mapping[str, Any]) -> Any:
        """The result of a job; it is forgotten there once it is here, and cancelled if this call is interrupted."""
        path = f"v1/jobs/{self._connection.ask('POST', 'v1/jobs/pairwise', **request)['id']}"
        try:
            pause = FIRST_PAUSE
            while (job := self._connection.ask("GET", path))["state"] in ("queued", "running"):
                time.sleep(pause)
                pause = min(1.5 * pause, LONGEST_PAUSE)
            if job["state"] != "done":
                raise ServiceError(
                    f"{self._connection.url} has {job['state']} the job: {job['error'] or 'no reason given'}"
                )
            return self._connection.ask("GET", f"{path}/result")
        finally:
            with contextlib.suppress(ServiceError):
                self._connection.ask("DELETE", path)

    def _estimate(self, sample: Sample, answer: Mapping[str, Any]) -> MIEstimate:
        self._notice(answer["model"])
        levels, values = zip(*((q["level"], q["value"]) for q in answer["quantiles"]), strict=True)
        sizes = (answer["n"], answer["dx"], answer["dy"])
        warnings = (*sample.notes, *answer["warnings"])
        trust = (answer.get(key) for key in ("strangeness", "expected_error"))
        return MIEstimate(np.array(levels), np.array(values), *sizes, warnings, answer["model"], *trust)

    def _notice(self, model: Mapping[str, Any]) -> None:
        """Other weights may answer since a restart: what is remembered of the old ones is forgotten."""
        if self._info is not None and any(self._info[key] != model[key] for key in ("name", "version")):
            self._info = None

    def _options(self) -> dict[str, str]:
        return {"quantiles": ",".join(map(repr, self.levels))}


def _pair(sample: Sample) -> dict[str, Any]:
    return {"x": sample.values[:, : sample.dx].tolist(), "y": sample.values[:, sample.dx :].tolist()}


def _arrow(names: Iterable[str], values: NDArray[np.float64]) -> bytes:
    """A table (n, d) as a stream of Arrow IPC: eight bytes a number, exact."""
    batch = pa.record_batch([pa.array(column) for column in values.T], names=list(names))
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue()


def _pairwise(names: tuple[str, ...], answer: Mapping[str, Any]) -> PairwiseEstimates:
    upper = np.triu_indices(len(names), k=1)
    values = np.array([np.array(q["values"], dtype=np.float64)[upper] for q in answer["quantiles"]]).T
    warnings: dict[tuple[int, int], tuple[str, ...]] = {}
    for entry in answer["pair_warnings"]:
        for i, j in entry["pairs"]:
            warnings[i, j] = (*warnings.get((i, j), ()), entry["warning"])
    levels = np.array([q["level"] for q in answer["quantiles"]])
    return PairwiseEstimates(names, levels, values, answer["n"], warnings, answer["model"])


def _requests(sizes: Sequence[int], most: int) -> list[list[int]]:
    """Indices of samples, in order, that travel in one request: small ones together, up to `most`; large ones alone."""
    groups: list[list[int]] = []
    room = 0
    for i, size in enumerate(sizes):
        if size > JSON_VALUES:
            groups.append([i])
            room = 0
        elif groups and size <= room and len(groups[-1]) < most:
            groups[-1].append(i)
            room -= size
        else:
            groups.append([i])
            room = BATCH_VALUES - size
    return groups
