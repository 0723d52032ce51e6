"""`mutualist train`: a LightningCLI for fit, validate, test and print_config.

mutualist train fit --config cpu --data.directory DIR --trainer.default_root_dir RUN
mutualist train fit --config RUN/metrics/version_0/config.yaml --ckpt_path RUN/checkpoints/last.ckpt   (after a kill)
mutualist train fit --config cpu --model.init_from EXPORT …                                  (fine-tunes an export)
"""

import warnings
from collections.abc import Sequence
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import ModelCheckpoint, ProgressBar, TQDMProgressBar
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import CSVLogger

from mutualist.errors import ConfigError
from mutualist.training.checkpoint import read_checkpoint
from mutualist.training.data import MetaDataModule
from mutualist.training.module import MutualInfoModule

DEFAULT_ROOT = "runs/default"
_UNHELPFUL = (
    ".*does not have many workers",  # as many as the configuration names, which leaves cores to the training
    ".*Checkpoint directory .* exists and is not empty",  # it is meant to be, after a resume
    # Lightning's use of the libraries below it, which a reader of this command can do nothing about:
    r"\s*By default only one JsonargparseDeprecationWarning",
    r"\s*.* was deprecated in v4[.0-9]* and will be removed in v5",
    ".*LeafSpec.*is deprecated",
)


class LastCheckpoint(ModelCheckpoint):
    """Keeps `last.ckpt` to resume from: written every few minutes, and when training ends.

    Args:
        minutes: between two writes.
        dirpath: where; `checkpoints` in the run's directory if absent.
    """

    def __init__(self, minutes: float = 3.0, dirpath: str | None = None) -> None:
        super().__init__(
            dirpath=dirpath,
            filename="last",
            train_time_interval=timedelta(minutes=minutes),
            enable_version_counter=False,
            save_on_train_epoch_end=False,
        )

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        # Lightning counts the epoch twice when it resumes from its very last batch: save after the next one instead.
        if not trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        super().on_train_end(trainer, pl_module)
        trainer.save_checkpoint(Path(str(self.dirpath)) / "last.ckpt", weights_only=False)


class BestCheckpoint(ModelCheckpoint):
    """Keeps `best.ckpt`, the checkpoint with the lowest validation pinball loss.

    Args:
        monitor: the score to go by, lower is better.
        dirpath: where; `checkpoints` in the run's directory if absent.
    """

    def __init__(self, monitor: str = "val/pinball", dirpath: str | None = None) -> None:
        super().__init__(dirpath=dirpath, filename="best", monitor=monitor, enable_version_counter=False)


class TrainCLI(LightningCLI):
    """LightningCLI with the run's directory layout: metrics/version_*/ (config.yaml, metrics.csv), checkpoints/."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.add_lightning_class_args(LastCheckpoint, "last_checkpoint")
        parser.add_lightning_class_args(BestCheckpoint, "best_checkpoint")

    def _prepare_subcommand_parser(self, klass: type, subcommand: str, **kwargs: Any) -> LightningArgumentParser:
        parser = super()._prepare_subcommand_parser(klass, subcommand, **kwargs)
        parser.set_defaults({"weights_only": True})  # a checkpoint may hold numbers, never code
        return parser

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        known = LightningCLI.subcommands()
        return {name: known[name] for name in ("fit", "validate", "test")}

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        self.config = parser.parse_args(args)  # without LightningCLI's warning that sys.argv is set as well
        checkpoint = self.config[self.config.subcommand].get("ckpt_path")
        if checkpoint and checkpoint not in ("last", "best"):  # which Lightning looks for itself
            read_checkpoint(checkpoint)

    def before_fit(self) -> None:
        # Threads of one operation wait for one another by spinning, on the cores that readers need: with as many of
        # them as cores, training takes nearly twice as long.
        torch.set_num_threads(max(1, torch.get_num_threads() - self.datamodule.workers))

    def instantiate_trainer(self, **kwargs: Any) -> L.Trainer:
        config = self._get(self.config_init, "trainer", default={})
        root = Path(config.get("default_root_dir") or DEFAULT_ROOT)
        for name in ("last_checkpoint", "best_checkpoint"):
            callback = self._get(self.config_init, name)
            callback.dirpath = callback.dirpath or str(root / "checkpoints")
        if self.subcommand == "fit" and not self._get(self.config, "ckpt_path"):
            last = root / "checkpoints" / "last.ckpt"
            if last.exists() and not config.get("fast_dev_run"):
                raise ConfigError(
                    f"{root} holds a run already; go on with it by --ckpt_path {last}, or give another "
                    "--trainer.default_root_dir"
                )
        kwargs["default_root_dir"] = str(root)
        callbacks = config.get("callbacks") or []
        if config.get("enable_progress_bar") is not False and not any(isinstance(c, ProgressBar) for c in callbacks):
            kwargs["callbacks"] = [*callbacks, TQDMProgressBar(refresh_rate=20)]
        if config.get("logger") in (None, True):
            kwargs["logger"] = CSVLogger(str(root), name="metrics", flush_logs_every_n_steps=50)
        return super().instantiate_trainer(**kwargs)


def packaged_configs() -> dict[str, Path]:
    """The configurations that ship with the package, by name."""
    folder = files("mutualist.training") / "configs"
    return {Path(entry.name).stem: Path(str(entry)) for entry in folder.iterdir() if entry.name.endswith(".yaml")}


def main(args: Sequence[str]) -> None:
    """Runs `mutualist train` with these arguments; `--config` takes a path or the name of a packaged configuration.

    Raises:
        MutualistError: a configuration, meta-dataset or checkpoint that cannot be used.
        SystemExit: arguments that LightningCLI cannot parse, after usage is printed.
    """
    known = packaged_configs()
    resolved = list(args)
    for i, word in enumerate(resolved):
        name = word.partition("=")[2] if word.startswith(("--config=", "-c=")) else word
        after = i > 0 and resolved[i - 1] in ("--config", "-c")
        if (after or name is not word) and name in known:
            resolved[i] = word[: len(word) - len(name)] + str(known[name])
    threads = torch.get_num_threads()
    try:
        with warnings.catch_warnings():
            for message in _UNHELPFUL:
                warnings.filterwarnings("ignore", message=message)
            TrainCLI(
                MutualInfoModule,
                MetaDataModule,
                args=resolved,
                seed_everything_default=False,
                auto_configure_optimizers=False,
                load_from_checkpoint_support=False,
                save_config_kwargs={"overwrite": True},
                trainer_defaults={
                    "gradient_clip_val": 1.0,
                    "use_distributed_sampler": False,
                    "log_every_n_steps": 50,
                    "num_sanity_val_steps": 0,
                    "enable_model_summary": False,
                },
            )
    finally:
        torch.set_num_threads(threads)
