"""Settings of the service: command line before environment before file before default, in one class."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from mutualist.errors import ConfigError, InputError

PREFIX = "MUTUALIST_SERVE_"
MIB = 2**20


class Settings(BaseSettings):
    """Answers over HTTP, with a page for people at / and documentation at /docs. Prints its address; Ctrl+C stops it.

    Try: mutualist serve --port 8000

    Each option may also come from the environment (--max-rows as MUTUALIST_SERVE_MAX_ROWS), or from the TOML file that
    --settings names (max_rows = 1000). The command line goes before the environment, and that before the file.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)
    file: ClassVar[Path | None] = None

    host: str = Field("127.0.0.1", description="address to listen on; 0.0.0.0 for all networks")
    port: int = Field(8000, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    workers: int = Field(1, ge=1, le=64, description="processes that answer")
    threads: int = Field(1, ge=1, le=64, description="threads of one forward pass; more than one needs cores to spare")
    weights: Path | None = Field(None, description="folder of exported weights, instead of the bundled ones")
    log_level: Literal["critical", "error", "warning", "info", "debug"] = Field(
        "info", description="level of the log, JSON lines on stderr"
    )
    log_requests: bool = Field(True, description="a line in the log for each request")

    max_rows: int = Field(50_000, ge=4, description="most rows of x and y, or of a table")
    max_columns: int = Field(128, ge=1, description="most columns of x, of y, and of a table that is used")
    max_quantiles: int = Field(99, ge=1, description="most quantile levels in a request")
    max_pairs: int = Field(1000, ge=1, description="most pairs in a batch")
    max_body_mib: float = Field(16.0, ge=0.0001, description="largest body of a request, in MiB")
    max_values: int = Field(4_000_000, ge=8, description="most values in a request, once it is unpacked")
    max_work: int = Field(
        4_000_000, ge=8, description="most rows times pairs that one request may have estimated; jobs may have more"
    )
    max_job_work: int = Field(500_000_000, ge=8, description="most rows times pairs of a job")
    body_seconds: float = Field(30.0, gt=0, description="longest time that a body may take to arrive")
    answer_seconds: float = Field(60.0, gt=0, description="longest time that a request may wait for its answer")
    stop_seconds: int = Field(30, ge=1, description="time to finish what was accepted, once told to stop")
    reader_mib: int = Field(1024, ge=128, description="memory of the process that unpacks large bodies, in MiB")

    batch_pairs: int = Field(64, ge=1, le=4096, description="most pairs in one forward pass; 1 turns batching off")
    batch_wait_ms: float = Field(4.0, ge=0, le=1000, description="longest wait for more pairs before a pass starts")
    max_waiting: int = Field(512, ge=1, description="most pairs that wait for a pass; more are refused with 429")
    max_large: int = Field(8, ge=1, description="most large requests (tables, long samples) that wait for their turn")

    state_dir: Path = Field(
        Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state", "mutualist"),
        description="folder of the jobs and their results",
    )
    max_jobs: int = Field(100, ge=1, description="most unfinished jobs; more are refused with 429")
    keep_hours: float = Field(24.0, gt=0, description="how long a finished job and its result are kept")
    dask_scheduler: str | None = Field(None, description="address of a Dask scheduler that does the jobs")

    keys_file: Path | None = Field(
        None, description="TOML file of API keys, as `mutualist serve-key` prints them; without it the service is open"
    )

    @property
    def max_body_bytes(self) -> int:
        """`max_body_mib` in bytes."""
        return int(self.max_body_mib * MIB)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Adds the file; leaves .env files and folders of secrets out, which nobody asked for."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, cls.file)


def load_settings(arguments: Sequence[str]) -> Settings:
    """The settings that a command line asks for, over those of the environment and of the file.

    Args:
        arguments: what followed `mutualist serve`; `--help` prints help and exits.

    Raises:
        ConfigError: an unknown option of the environment or the file, or a value that cannot be.
    """
    arguments = list(arguments)
    known = {PREFIX + name.upper() for name in (*Settings.model_fields, "settings", "resolved")}
    if unknown := sorted(name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known):
        raise ConfigError(f"there is no option {unknown[0]}; see `mutualist serve --help`")
    path = _taken(arguments) or os.environ.get(PREFIX + "SETTINGS")
    source: type[Settings] = Settings
    if path:
        if not Path(path).is_file():
            raise ConfigError(f"there is no settings file {path}; name a TOML file, or leave --settings out")
        source = type("Settings", (Settings,), {"file": Path(path), "__doc__": Settings.__doc__})
    options: dict[str, Any] = {"_cli_prog_name": "mutualist serve", "_cli_kebab_case": True, "_cli_avoid_json": True}
    try:
        found = source(**options, _cli_parse_args=arguments)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"])) or "settings"
        raise ConfigError(f"{name.replace('_', '-')}: {first['msg']}; see `mutualist serve --help`") from None
    except (SettingsError, ValueError, OSError) as error:
        raise ConfigError(f"the settings cannot be read: {error}") from None
    return Settings.model_construct(**found.model_dump())


def _taken(arguments: list[str]) -> str | None:
    """Takes `--settings FILE` out of the arguments: it says where to read, and is no setting itself."""
    for i, word in enumerate(arguments):
        if word.startswith("--settings="):
            return arguments.pop(i).partition("=")[2]
        if word == "--settings":
            if i + 1 == len(arguments):
                raise InputError("--settings needs the name of a TOML file")
            return [arguments.pop(i), arguments.pop(i)][1]
    return None
