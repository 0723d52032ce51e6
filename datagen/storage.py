"""Where a meta-dataset lies: a local directory, or a place on any filesystem that pyarrow or fsspec knows by URI.

    runs/data, file:///srv/data          a directory
    s3://bucket/prefix                   Amazon S3; elsewhere with ?endpoint_override=host:9000&scheme=http
    gs://bucket/prefix, hdfs://…         what else pyarrow knows
    abfs://…, webdav://…                 what fsspec knows, with its package installed

Credentials come from the environment, as each of these describes, and never stand in the URI, which the log shows.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pyarrow as pa
from pyarrow import fs

from mutualist.datagen.schema import SPLITS, shard_path
from mutualist.errors import ConfigError, DataError

_CHUNK = 8 << 20


class Store:
    """Files under one place, by names such as `train/shard-00000.parquet`.

    A file appears under its name whole or not at all: locally it is renamed when it is written, and an object store
    shows an object when its upload has ended.

    Attributes:
        location: absolute path, or URI.
        local: the directory as a path; None elsewhere.
        shared: whether other processes see what is written; False for `memory://`.

    Raises:
        ConfigError: a URI of a filesystem that nothing here knows, or one that holds credentials.
        DataError: (each method) the filesystem refuses, or does not answer.
    """

    def __init__(self, location: str | Path) -> None:
        text = str(location)
        self.local: Path | None = None
        self.shared = True
        if "://" not in text:
            self.local = Path(text).absolute()
            self.location = str(self.local)
            return
        self._filesystem, self._root = _resolve(text)
        self.location = text
        self.shared = urlsplit(text).scheme != "memory"
        if isinstance(self._filesystem, fs.LocalFileSystem):
            self.local = Path(self._root)

    def __str__(self) -> str:
        return self.location

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Store) and self.location == other.location

    def __hash__(self) -> int:
        return hash(self.location)

    def __reduce__(self) -> tuple[type["Store"], tuple[str]]:
        """Another process makes its own connection."""
        return Store, (self.location,)

    def place(self, name: str) -> str:
        """Where a file lies, for people: its path, or the URI with the name in it."""
        if self.local is not None:
            return str(self.local / name)
        there, mark, query = self.location.partition("?")
        return f"{there.rstrip('/')}/{name}{mark}{query}"

    def names(self) -> set[str]:
        """Names of all files; none where there is no such place yet."""
        if self.local is not None:
            return {p.relative_to(self.local).as_posix() for p in self.local.rglob("*") if p.is_file()}
        with self._errors():
            found = self._filesystem.get_file_info(fs.FileSelector(self._root, recursive=True, allow_not_found=True))
        return {i.path.removeprefix(f"{self._root}/") for i in found if i.type == fs.FileType.File and i.size}

    def exists(self, name: str) -> bool:
        return self.state(name) is not None

    def size(self, name: str) -> int:
        """Bytes of a file; 0 where there is none."""
        return (self.state(name) or (0, 0))[0]

    def state(self, name: str) -> tuple[int, int] | None:
        """Bytes, and when it was last changed in ns (0 if unknown), of a file; None where there is none."""
        if self.local is not None:
            path = self.local / name
            return (path.stat().st_size, path.stat().st_mtime_ns) if path.is_file() else None
        with self._errors():
            info = self._filesystem.get_file_info(self._at(name))
        return (int(info.size), int(info.mtime_ns or 0)) if info.type == fs.FileType.File else None

    def open(self, name: str) -> Any:
        """The file for reading, seekable: what `pyarrow.parquet.ParquetFile` takes."""
        if self.local is not None:
            return pa.OSFile(str(self.local / name))
        with self._errors():
            return self._filesystem.open_input_file(self._at(name))

    def read(self, name: str) -> bytes:
        if self.local is not None:
            return (self.local / name).read_bytes()
        with self.open(name) as file, self._errors():
            return bytes(file.readall())

    def write(self, name: str, content: bytes) -> None:
        with self.writing(name) as path:
            path.write_bytes(content)

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """A local path to write to. What lies there in the end appears under `name`; nothing does if the body fails."""
        if self.local is not None:
            with replacing(self.local / name) as path:
                yield path
            return
        with tempfile.TemporaryDirectory(prefix="mutualist-") as folder:
            path = Path(folder) / Path(name).name
            yield path
            self._upload(path, name)

    def _upload(self, path: Path, name: str) -> None:
        target = self._at(name)
        with self._errors():
            if isinstance(self._filesystem, fs.PyFileSystem):  # some of fsspec's filesystems have folders
                self._filesystem.create_dir(target.rpartition("/")[0], recursive=True)
            try:
                with path.open("rb") as source, self._filesystem.open_output_stream(target) as stream:
                    shutil.copyfileobj(source, stream, _CHUNK)
            except BaseException:
                # Leaving the block closed the stream, which ends the upload of what there was of it.
                if self._filesystem.get_file_info(target).type == fs.FileType.File:
                    self._filesystem.delete_file(target)
                raise

    def checksum(self, name: str) -> str:
        """SHA-256 of a file, all of which is read."""
        if self.local is not None:
            with (self.local / name).open("rb") as content:
                return hashlib.file_digest(content, "sha256").hexdigest()
        digest = hashlib.sha256()
        with self.open(name) as file, self._errors():
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        return digest.hexdigest()

    def shards(self, split: str) -> list["StoredFile"]:
        """The shards of a split, in order.

        Raises:
            DataError: no such split, no meta-dataset, no shards, or some missing between the first and the last.
        """
        if split not in SPLITS:
            raise DataError(f"no split {split!r}; a meta-dataset has {', '.join(SPLITS)}")
        names = self.names()
        if not names:
            raise DataError(f"no meta-dataset at {self}: make one with `mutualist datagen make --out {self}`")
        found = {n for n in names if n.startswith(f"{split}/shard-") and n.endswith(".parquet")}
        if not found:
            raise DataError(f"the meta-dataset at {self} has no shards of split {split!r}")
        expected = [shard_name(split, i) for i in range(len(found))]
        if missing := [name for name in expected if name not in found]:
            raise DataError(f"shard {missing[0]} of {self} is missing: run `mutualist datagen make` with it again")
        return [StoredFile(self, name) for name in expected]

    def sweep(self) -> None:
        """Removes what killed processes left half written; elsewhere than in a directory they leave nothing visible."""
        if self.local is not None:
            for left in self.local.rglob(".*.part"):
                left.unlink(missing_ok=True)

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}"

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, pa.ArrowException) as error:
            raise DataError(
                f"the filesystem at {self} refuses: {error}; see that the place exists, that this machine reaches it "
                "and that the environment holds credentials for it"
            ) from error


class StoredFile(NamedTuple):
    """A file at a store; as text, its path or URI."""

    store: Store
    name: str

    def __str__(self) -> str:
        return self.store.place(self.name)

    @classmethod
    def at(cls, path: Path) -> "StoredFile":
        """The shard at a local path, in the meta-dataset that it would belong to."""
        return cls(Store(path.absolute().parent.parent), f"{path.absolute().parent.name}/{path.name}")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to, which takes its place in the end; nothing changes if the body fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def shard_name(split: str, shard: int) -> str:
    return shard_path("", split, shard).as_posix()


def _resolve(uri: str) -> tuple[fs.FileSystem, str]:
    if "@" in urlsplit(uri).netloc and urlsplit(uri).scheme in ("s3", "gs", "gcs"):
        raise ConfigError("leave credentials out of the URI of the output, and set them in the environment")
    try:
        filesystem, root = fs.FileSystem.from_uri(uri)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as by_pyarrow:
        try:
            # Here, for few need it: with what it finds installed, it takes a while to import.
            from fsspec.core import url_to_fs

            other, root = url_to_fs(uri)
        except (ImportError, ValueError) as by_fsspec:
            raise ConfigError(
                f"no filesystem for {uri!r}: pyarrow says '{by_pyarrow}', fsspec says '{by_fsspec}'; give a directory, "
                "or a URI such as s3://bucket/prefix"
            ) from by_fsspec
        filesystem = fs.PyFileSystem(fs.FSSpecHandler(other))
    except OSError as error:
        raise DataError(f"the filesystem at {uri!r} does not answer: {error}") from error
    return filesystem, root.rstrip("/")
