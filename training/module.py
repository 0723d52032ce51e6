"""The Lightning module: the network, its loss, its optimiser and what validation reports."""

import warnings
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from mutualist.errors import ConfigError, MutualistError, WeightsError
from mutualist.models import ModelConfig, MutualInfoNet
from mutualist.models.bundle import load_bundle
from mutualist.models.describe import describe_values
from mutualist.training.batching import Batch
from mutualist.training.checkpoint import CONFIG_KEY
from mutualist.training.growth import grown
from mutualist.training.loss import pinball, weight
from mutualist.training.metrics import Scores
from mutualist.training.optimiser import MuonAdamW
from mutualist.training.schedule import cosine, progress

_MAX_SKIPPED_IN_A_ROW = 10


class MutualInfoModule(L.LightningModule):
    """Trains a MutualInfoNet to give quantiles of the mutual information of a sample.

    The loss is the pinball loss over the network's levels, weighted by what is predicted (`training.loss`). The
    learning rate warms up and then follows a cosine to zero by the progress of the run, in steps, epochs or time. A
    step whose gradient is not finite is skipped with a warning, and counted as `skipped_steps`; many in a row end the
    run.

    Args:
        network: the network's configuration; the default one, or that of `init_from`, if absent. A larger one than that
            of `init_from` begins near its answers (`training.growth`).
        learning_rate: peak learning rate of Muon and AdamW.
        weight_decay: decoupled weight decay of matrices; vectors (biases, scales) have none.
        beta2: decay of AdamW's second moment.
        warmup_steps: steps of linear warm-up.
        reference_batch: if given, the loss of a batch of B records counts B / reference_batch, so that every record
            weighs alike; if absent every batch does.
        spread_power: how much less a sample counts the less its mutual information is known: inversely as this power
            of the distance between its predicted quartiles. 0.5 favours samples of many rows.
        init_from: directory of an export whose weights training starts from.
        seed: root of the initial weights and of the breaking of ties.
    """

    def __init__(
        self,
        network: ModelConfig | None = None,
        learning_rate: float = 1.5e-3,
        weight_decay: float = 0.01,
        beta2: float = 0.99,
        warmup_steps: int = 100,
        reference_batch: int | None = None,
        spread_power: float = 0.0,
        init_from: str | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if learning_rate <= 0 or min(weight_decay, warmup_steps, spread_power) < 0 or not 0 < beta2 < 1:
            raise ConfigError(
                "learning_rate must be positive, weight_decay, warmup_steps and spread_power at least 0, beta2 within "
                f"(0, 1); got {learning_rate}, {weight_decay}, {warmup_steps}, {spread_power}, {beta2}"
            )
        if init_from is not None:
            self.net = load_bundle(init_from).net
            if network is not None and network != self.net.config:
                self.net = grown(self.net, network, seed)
            self.net.train().requires_grad_(True)
        else:
            with torch.random.fork_rng(devices=[]):  # seeded, and the caller's random state left as it was
                torch.manual_seed(seed)
                self.net = MutualInfoNet(network or ModelConfig())
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.beta2, self.warmup_steps, self.spread_power = beta2, warmup_steps, spread_power
        if reference_batch is not None and reference_batch < 1:
            raise ConfigError(f"reference_batch must be at least 1 or absent, got {reference_batch}")
        self.reference_batch = reference_batch
        self.seed = seed
        self.skipped_steps = 0
        self._skipped_in_a_row = 0
        self._skipped = False
        self._records_in_epoch = 0
        self._loss = torch.zeros(())  # of the batches of a step
        self._scores = Scores(self.net.config.levels)
        self.register_buffer("levels", torch.tensor(self.net.config.levels), persistent=False)
        self.levels: Tensor

    def forward(self, batch: Batch, tie_seed: int = 0) -> Tensor:
        """Quantiles (B, Q) of a batch, nats. The same `tie_seed` breaks ties in the same way.

        A batch that its reader has described already is not described again.
        """
        if "description" in batch:
            return self.net.answer(batch["description"])
        values, rows = batch["values"], batch["row_mask"]
        generator = torch.Generator(device=values.device).manual_seed(tie_seed)
        with torch.autocast(values.device.type, enabled=False):  # ranks and moments need every digit, weights do not
            columns = batch["column_mask"]
            described = describe_values(values, batch["side"], rows, columns, self.net.config, generator)
        return self.net.answer(described)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor | None:
        try:
            quantiles = self(batch, tie_seed=self._tie_seed(1, self.global_step))
        except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]
            self._skip(f"the network failed ({str(error).splitlines()[0]})")
            return None
        truth, size = batch["mi"], len(batch["mi"])
        losses = pinball(quantiles, truth, self.levels)
        loss = (weight(quantiles, self.levels, self.spread_power) * losses).mean()
        self._records_in_epoch += size * self.trainer.world_size
        if self.reference_batch is not None:
            loss = loss * (size / self.reference_batch)
        self._loss = loss.detach() + self._loss
        self.log("train/loss", loss, prog_bar=True, batch_size=size)
        self.log("train/pinball", losses.mean(), batch_size=size)
        self.log("train/batch_size", float(size), batch_size=1)
        return loss

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clips the gradient's norm. If it or the loss is not finite, it is dropped, and the step changes nothing."""
        norm = nn.utils.clip_grad_norm_(self.parameters(), gradient_clip_val or torch.inf)
        loss, self._loss = self._loss, torch.zeros(())
        if torch.isfinite(norm + loss.to(norm.device)):
            if not self._skipped:
                self._skipped_in_a_row = 0
            return
        for parameter in self.parameters():
            parameter.grad = None
        self._skip("the loss or its gradient is not finite")

    def _skip(self, reason: str) -> None:
        """Counts a step that changes nothing."""
        self._skipped = True
        self.skipped_steps += 1
        self._skipped_in_a_row += 1
        message = f"step {self.global_step}: {reason}; skipped ({self.skipped_steps} so far)"
        warnings.warn(message, stacklevel=2)
        if self._skipped_in_a_row >= _MAX_SKIPPED_IN_A_ROW:
            raise MutualistError(
                f"training stopped after {self._skipped_in_a_row} skipped steps in a row: {message}; resume from the "
                "last checkpoint with a lower learning_rate"
            )

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        self._skipped = False

    def on_train_epoch_start(self) -> None:
        self._records_in_epoch = 0

    def on_train_epoch_end(self) -> None:
        self.log("train/skipped_steps", float(self.skipped_steps))
        self.log("train/records", float(self._records_in_epoch))

    def configure_optimizers(self) -> Any:
        hidden = self.net.hidden_matrices()
        known = {id(p) for p in hidden}
        others = [p for p in self.net.parameters() if id(p) not in known]
        optimizer = MuonAdamW(hidden, others, self.learning_rate, self.weight_decay, (0.9, self.beta2))
        # The factor depends on the run's progress, not on the scheduler's own count, so that limits in time work too.
        scheduler = LambdaLR(optimizer, lambda _: self._rate_factor())
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def _rate_factor(self) -> float:
        data = getattr(self.trainer, "datamodule", None)
        per_epoch = getattr(data, "records_per_epoch", None)
        fraction = self._records_in_epoch / per_epoch if per_epoch else 0.0
        return cosine(progress(self.trainer, fraction), self.global_step, self.warmup_steps)

    def _tie_seed(self, *key: int) -> int:
        # Mixed arithmetically: a SeedSequence a step would cost more than the ties.
        mixed = self.seed
        for part in (*key, self.global_rank):
            mixed = (mixed * 6364136223846793005 + part + 1442695040888963407) % 2**63
        return mixed

    def on_validation_epoch_start(self) -> None:
        self._scores = Scores(self.net.config.levels)

    on_test_epoch_start = on_validation_epoch_start

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        quantiles = self(batch, tie_seed=self._tie_seed(2, batch_idx))
        self._scores.add(quantiles, batch["mi"], batch["n"], batch["family"])

    test_step = validation_step

    def on_validation_epoch_end(self) -> None:
        self._log_scores("val")

    def on_test_epoch_end(self) -> None:
        self._log_scores("test")

    def _log_scores(self, split: str) -> None:
        for name, value in self._scores.gathered().summary().items():
            self.log(f"{split}/{name}", value, prog_bar=name in ("mse", "pinball"), rank_zero_only=False)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint[CONFIG_KEY] = self.net.config.to_dict()
        checkpoint["skipped_steps"] = self.skipped_steps
        checkpoint["records_in_epoch"] = self._records_in_epoch

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        stored = checkpoint.get(CONFIG_KEY)
        if stored is None:
            raise WeightsError("this checkpoint was not written by `mutualist train`; give one of its own")
        if ModelConfig.from_dict(stored) != self.net.config:
            raise ConfigError(
                f"the checkpoint holds another network than the configured one: {stored}; resume with the run's own "
                "metrics/version_*/config.yaml, or begin a new run"
            )
        self.skipped_steps = checkpoint["skipped_steps"]
        self._records_in_epoch = checkpoint["records_in_epoch"]
