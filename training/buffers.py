"""Drawn records kept on the device that trains: two buffers, one to train from while the other fills.

A record costs more to draw than an accelerator takes to learn from it, and batches fill an accelerator only if they are
cut from very many records. So each buffer holds many, and is gone through, each time in other blocks of rows, until the
next is full.
"""

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from mutualist.training.batching import Batch, Batching, chosen_rows, group, rows_kept
from mutualist.training.shards import Record
from mutualist.training.stream import RecordStream

PACK = 128  # records that travel together from the process that draws them
FIRST = 5  # training begins with a fifth of a buffer


@dataclass(frozen=True)
class Pack:
    """Records end to end.

    Attributes:
        values: (V,) float32, the rows of one record after those of another.
        n, d, dx: (R,) int64, rows and columns, and those of X.
        mi: (R,) float32, nats.
    """

    values: Tensor
    n: Tensor
    d: Tensor
    dx: Tensor
    mi: Tensor

    @classmethod
    def of(cls, records: list[Record]) -> "Pack":
        """A pack of at least one record."""
        sizes = torch.tensor([(r.n, r.d, r.dx) for r in records])
        mi = torch.tensor([r.mi for r in records], dtype=torch.float32)
        values = np.concatenate([r.values.ravel() for r in records]).astype(np.float32, copy=False)
        n, d, dx = sizes.unbind(1)
        return cls(torch.from_numpy(values), n, d, dx, mi)


class Buffer:
    """Many records, their values on a device, in batches of like size."""

    def __init__(self, packs: list[Pack], device: torch.device) -> None:
        self.values = torch.cat([pack.values for pack in packs])  # on the device already
        self.n, self.d, self.dx = (
            torch.cat([getattr(pack, key) for pack in packs]).numpy() for key in ("n", "d", "dx")
        )
        self.mi = torch.cat([pack.mi for pack in packs]).to(device)
        self.start = np.cumsum(self.n * self.d) - self.n * self.d
        self.device = device

    def batches(self, options: Batching, rng: np.random.Generator) -> Iterator[Batch]:
        """Each record once, in random order, with rows left out as `options` say: see `batching.collate`."""
        first, rows = chosen_rows(self.n, options, rng)
        groups = group(rows.tolist(), self.d.tolist(), options)
        for i in rng.permutation(len(groups)):
            members = np.array(groups[i])
            kept = rows_kept(rows[members]) if options.cut_rows else rows[members]
            yield self._batch(members, first[members], kept)

    def _batch(self, members: NDArray[np.int64], first: NDArray[np.int64], n: NDArray[np.int64]) -> Batch:
        d, dx = self.d[members], self.dx[members]
        given = np.stack([members, n, d, dx, self.start[members] + first * d])
        which, rows, columns, of_x, start = torch.from_numpy(given).to(self.device, non_blocking=True)
        row, column = (torch.arange(int(most), device=self.device) for most in (n.max(), d.max()))
        row_mask, column_mask = row < rows[:, None], column < columns[:, None]
        at = start[:, None, None] + row[:, None] * columns[:, None, None] + column
        exists = row_mask[..., None] & column_mask[:, None]
        values = torch.where(exists, self.values[torch.where(exists, at, 0)], 0.0)
        return {
            "values": values,
            "side": (column >= of_x[:, None]) & column_mask,
            "row_mask": row_mask,
            "column_mask": column_mask,
            "mi": self.mi[which],
            "n": rows,
            "dx": of_x,
            "dy": columns - of_x,
        }


class BufferedLoader:
    """Training batches from two buffers of `records` drawn records each.

    A run that is resumed does not come to the same batches again: it goes on with others.

    Args:
        stream: what to draw from, without end.
        position: returns the current epoch.
        workers: processes that draw; 0 draws in a thread of the calling one.
        limit: records in an epoch.
        device: where records are kept.
    """

    def __init__(
        self,
        stream: RecordStream,
        position: Callable[[], int],
        workers: int,
        records: int,
        limit: int,
        device: torch.device,
    ) -> None:
        self.stream, self.position, self.workers = stream, position, workers
        self.records, self.limit, self.device = records, limit, device
        self._batches: Iterator[Batch] | None = None

    def __iter__(self) -> Iterator[Batch]:
        if self._batches is None:
            self.stream.epoch = self.position()
            self._batches = self._endless()
        given = 0
        while given < self.limit:
            batch = next(self._batches)
            given += len(batch["mi"])
            yield batch

    def _endless(self) -> Iterator[Batch]:
        full: queue.Queue[Buffer | BaseException] = queue.Queue(maxsize=1)
        threading.Thread(target=self._fill, args=(full,), daemon=True).start()
        rng = np.random.default_rng(np.random.SeedSequence(self.stream.seed, spawn_key=(3, self.stream.epoch)))
        buffer: Buffer | None = None
        while True:
            if buffer is None or not full.empty():
                found = full.get()
                if isinstance(found, BaseException):
                    raise found
                buffer = found
            yield from buffer.batches(self.stream.options, rng)

    def _fill(self, full: "queue.Queue[Buffer | BaseException]") -> None:
        try:
            # A generator of its own: a DataLoader without one draws from torch's global state.
            own = torch.Generator().manual_seed(self.stream.seed)
            packs = iter(DataLoader(_Packs(self.stream), batch_size=None, num_workers=self.workers, generator=own))
            wanted = -(-self.records // FIRST)
            while True:
                held: list[Pack] = []
                count = 0
                while count < wanted:
                    pack = next(packs)
                    held.append(replace(pack, values=pack.values.to(self.device)))
                    count += len(pack.n)
                full.put(Buffer(held, self.device))
                wanted = self.records
        except BaseException as error:  # raised where training waits for records
            full.put(error)


class _Packs(IterableDataset[Pack]):
    """The records of a stream, without end, in packs."""

    def __init__(self, stream: RecordStream) -> None:
        super().__init__()
        self.stream = stream

    def __iter__(self) -> Iterator[Pack]:
        info = get_worker_info()
        records = self.stream.records(*((info.id, info.num_workers) if info else (0, 1)), endless=True)
        while held := list(islice(records, PACK)):
            yield Pack.of(held)
