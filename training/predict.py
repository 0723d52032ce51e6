"""The raw answers of a network for a split of a meta-dataset."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from mutualist.errors import DataError
from mutualist.models import MutualInfoNet
from mutualist.models.describe import describe_values
from mutualist.training.batching import Batch, batches
from mutualist.training.shards import Record
from mutualist.training.stream import RecordStream

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Answers:
    """A network's uncalibrated quantiles for R records, and the truth.

    Attributes:
        levels: (Q,).
        quantiles: (R, Q) nats, increasing.
        truth: (R,) nats.
        n, dx, dy: (R,).
        tied: (R,) share of rows in atoms, in the column that has most (`Atoms.tied`).
        family: (R,) names.
        summaries: (R, F) the network's summaries of the samples.
    """

    levels: Array
    quantiles: Array
    truth: Array
    n: NDArray[np.int64]
    dx: NDArray[np.int64]
    dy: NDArray[np.int64]
    tied: Array
    family: NDArray[np.str_]
    summaries: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def median(self) -> int:
        """Index of the level 0.5."""
        return int(np.abs(self.levels - 0.5).argmin())

    def where(self, chosen: NDArray[np.bool_]) -> "Answers":
        """The records for which `chosen` (R,) holds."""
        return replace(self, **{name: getattr(self, name)[chosen] for name in _of_records()})


def answers_for(
    net: MutualInfoNet,
    stream: RecordStream,
    seed: int,
    workers: int,
    advance: Callable[[int], object],
    shuffled: bool = False,
) -> Answers:
    """`answers` for all records of a stream, its shards shared out among processes: the same for any number of them.

    If `shuffled`, for every other record, with the rows of its Y in another order: what margins of all kinds look like
    where X and Y are independent.

    Raises:
        DataError: as `answers` does, or a process was lost.
    """
    shards = _Shards(net, stream, seed, shuffled)
    workers = min(workers, len(shards))
    generator = torch.Generator().manual_seed(seed)  # or the loader would draw from torch's global state
    loader = DataLoader(shards, batch_size=None, num_workers=workers if workers > 1 else 0, generator=generator)
    parts: list[Answers] = []
    try:
        for part in loader:
            if isinstance(part, DataError):
                raise part
            parts.append(part)
            advance(len(part))
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise DataError(f"a process that answered was lost ({error}); run it again, with fewer workers") from error
    return joined(parts)


class _Shards(Dataset["Answers | DataError"]):
    """The answers for each shard of a stream that has records; an error in its place, which a loader would wrap."""

    def __init__(self, net: MutualInfoNet, stream: RecordStream, seed: int, shuffled: bool) -> None:
        self.net, self.stream, self.seed, self.shuffled = net, stream, seed, shuffled
        self.filled = [i for i, count in enumerate(stream.counts) if count]

    def __len__(self) -> int:
        return len(self.filled)

    def __getitem__(self, index: int) -> Answers | DataError:
        stream, at = self.stream, self.filled[index]
        shard = RecordStream([stream.shards[at]], [stream.counts[at]], stream.options, shuffle=False)
        seed = int(np.random.SeedSequence((self.seed, at)).generate_state(1)[0])
        try:  # not the batches of `shard` itself, which a loader's process would share with others
            records = _shuffled(shard.records(), np.random.default_rng(seed)) if self.shuffled else shard.records()
            return answers(self.net, batches(records, shard.options, None), seed)
        except DataError as error:
            return error


def _shuffled(records: Iterable[Record], rng: np.random.Generator) -> Iterator[Record]:
    for record in islice(records, 0, None, 2):
        values = record.values.copy()
        values[:, record.dx :] = values[rng.permutation(record.n), record.dx :]
        yield replace(record, values=values, mi=0.0)


def joined(parts: Sequence[Answers]) -> Answers:
    """The answers of all parts, one after the other."""
    whole = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _of_records()}
    return Answers(parts[0].levels, **whole)


def _of_records() -> list[str]:
    """The fields of `Answers` that hold a value for each record."""
    return [field.name for field in fields(Answers) if field.name != "levels"]


def answers(net: MutualInfoNet, given: Iterable[Batch], seed: int = 0) -> Answers:
    """Runs `net` over batches. Ties are broken from `seed`.

    Raises:
        DataError: there are no records, or the network's answer is not finite for one.
    """
    generator = torch.Generator().manual_seed(seed)
    columns: dict[str, list[NDArray]] = {name: [] for name in _of_records()}
    with torch.inference_mode():
        for batch in given:
            values, side, rows, exist = (batch[key] for key in ("values", "side", "row_mask", "column_mask"))
            sample = describe_values(values, side, rows, exist, net.config, generator)
            quantiles, summaries = net.read(sample)
            if not bool(torch.isfinite(quantiles).all()):
                raise DataError(f"the network's answer is not finite for a record among {sorted(set(batch['family']))}")
            columns["quantiles"].append(quantiles.double().numpy())
            columns["summaries"].append(summaries.numpy())
            columns["tied"].append(sample.atoms.tied.double().numpy())
            columns["truth"].append(batch["mi"].double().numpy())
            for name in ("n", "dx", "dy"):
                columns[name].append(batch[name].numpy())
            columns["family"].append(np.array(batch["family"]))
    if not columns["truth"]:
        raise DataError("no records to answer for; give a split that has some")
    whole = {name: np.concatenate(parts) for name, parts in columns.items()}
    return Answers(np.array(net.config.levels), **whole)
