"""The commands `mutualist calibrate` and `mutualist export`."""

from pathlib import Path
from typing import Annotated

import typer

from mutualist.training.calibrate import calibrate
from mutualist.training.export import export

Checkpoint = Annotated[Path, typer.Option(help="Checkpoint of `mutualist train`: RUN/checkpoints/last.ckpt.")]


def calibrate_command(
    checkpoint: Checkpoint,
    data: Annotated[str, typer.Option(help="Meta-dataset that `mutualist datagen make --out` wrote, or its URI.")],
    out: Annotated[Path, typer.Option(help="The calibration is written here, as JSON.")] = Path("calibration.json"),
    split: Annotated[str, typer.Option(help="Split to calibrate on; never one that was trained on.")] = "calibration",
    test_split: Annotated[
        str | None, typer.Option(help="Split to measure on; halves of the calibration split if absent.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Root of the randomness: ties, atoms and halves.")] = 0,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that answer records; one a core if absent.")
    ] = None,
) -> None:
    """Makes the quantiles of a trained network cover as often as they say."""
    calibrate(checkpoint, data, out, split=split, test_split=test_split, seed=seed, workers=workers)


def export_command(
    checkpoint: Checkpoint,
    calibration: Annotated[Path, typer.Option(help="What `mutualist calibrate` wrote for this checkpoint.")],
    data: Annotated[str, typer.Option(help="Meta-dataset that the weights were trained on, or its URI.")],
    out: Annotated[Path, typer.Option(help="Directory for model.safetensors and model.json.")],
    name: Annotated[str, typer.Option(help="Name of the weights.")] = "mutualist",
    version: Annotated[str, typer.Option(help="Version of the weights.")] = "1",
) -> None:
    """Writes trained, calibrated weights for the estimator: safetensors and JSON."""
    directory = export(checkpoint, calibration, data, out, name=name, version=version)
    typer.echo(f"exported to {directory}; use it by MutualInfoEstimator.from_pretrained({str(directory)!r})")


calibrate_app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
calibrate_app.command()(calibrate_command)
export_app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
export_app.command()(export_command)
