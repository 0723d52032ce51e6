"""How far a run is, and the learning rate that follows from it."""

import math

import lightning as L
from lightning.pytorch.callbacks import Timer


def progress(trainer: L.Trainer, epoch_fraction: float = 0.0) -> float:
    """Share of the run that is done, in [0, 1]: of its steps, its epochs or its time, whichever is furthest.

    A run that ends by `max_time` thereby ends as one that ends by `max_steps` does, however fast the machine is. Time
    spent before a resume counts (Lightning's Timer keeps it in the checkpoint). A run without any limit has no end:
    0.
    """
    shares = [0.0]
    if trainer.max_steps > 0:
        shares.append(trainer.global_step / trainer.max_steps)
    if trainer.max_epochs is not None and trainer.max_epochs > 0:
        shares.append((trainer.current_epoch + min(epoch_fraction, 1.0)) / trainer.max_epochs)
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, Timer) and (remaining := callback.time_remaining()) is not None:
            elapsed = callback.time_elapsed()
            shares.append(elapsed / max(elapsed + remaining, 1e-9))
    return min(max(shares), 1.0)


def cosine(done: float, step: int, warmup_steps: int) -> float:
    """Factor of the learning rate: linear over the first steps, then half a cosine to zero at `done` = 1."""
    return min((step + 1) / max(warmup_steps, 1), 1.0) * 0.5 * (1 + math.cos(math.pi * done))
