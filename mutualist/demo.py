"""`python -m mutualist.demo`: one question on a real table, answered by the command and by the service.

How much does each column tell about the target? The command answers; then the service is started on a free port of
this machine, asked the same column by column, and stopped again; the two must agree.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from mutualist.columns import NumericTable
from mutualist.errors import InputError, MutualistError
from mutualist.render import show_ranking
from mutualist.tables import read_table

TOLERANCE = 1e-6  # nats
PATIENCE = 120  # seconds for one answer on a slow machine


def run(table: Path, target: str, picture: Path, console: Console, weights: Path | None = None) -> float:
    """Answers by both doors, prints a table and draws a picture.

    Args:
        table: a CSV or Parquet file of numeric columns.
        target: name of the column to learn about.
        picture: file to draw into; its folder is made if need be.
        console: where to print.
        weights: folder of an export to use instead of the bundled weights.

    Returns:
        The largest difference between the two answers, in nats.

    Raises:
        MutualistError: one of the doors does not answer, or their answers differ by more than 1e-6 nats.
    """
    picture.parent.mkdir(parents=True, exist_ok=True)
    options = [] if weights is None else ["--weights", str(weights)]
    words = ["rank", str(table), "--target", target, "--plot", str(picture), *options]
    console.print(f"$ mutualist {' '.join(words)}", markup=False, highlight=False, soft_wrap=True)
    ranking = _ask_command(words)
    show_ranking(console, ranking)
    words = ["serve", "--port", "0", *options]
    console.print(f"$ mutualist {' '.join(words)}", markup=False, highlight=False, soft_wrap=True)
    with _service(words) as address:
        console.print(f"listening on {address}", markup=False, highlight=False)
        answers = _ask_service(address, read_table(table), target, [row["column"] for row in ranking["columns"]])
    difference = max(map(_difference, ranking["columns"], answers))
    if not difference <= TOLERANCE:
        raise MutualistError(f"the command and the service differ by {difference:.2g} nats, more than {TOLERANCE:g}")
    console.print(
        f"POST /v1/estimate answered {len(answers)} times, and as the command did: they differ by at most "
        f"{difference:.1g} nats ({TOLERANCE:g} is allowed). The service is stopped.",
        highlight=False,
        soft_wrap=True,
    )
    console.print(f"\npicture: {picture}", markup=False, highlight=False, soft_wrap=True)
    return difference


def _ask_command(words: list[str]) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-m", "mutualist", *words, "--json"], capture_output=True, text=True)
    if done.returncode:
        raise MutualistError(f"the command failed: {done.stderr.strip().removeprefix('error: ')}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@contextmanager
def _service(words: list[str]) -> Iterator[str]:
    """A running service on a free port; gives its address, and stops it on the way out."""
    state = tempfile.TemporaryDirectory(prefix="mutualist-")  # its own: other services share a folder of jobs
    command = [sys.executable, "-m", "mutualist", *words, "--log-level", "warning", "--state-dir", state.name]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None  # because of PIPE
        line = process.stdout.readline()  # the address, or nothing if the service has ended
        found = re.search(r"http://\S+:\d+", line)
        if not found:
            raise MutualistError("the service did not start; its message is above")
        yield found[0]
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
        state.cleanup()


def _ask_service(address: str, table: NumericTable, target: str, columns: list[str]) -> list[dict[str, Any]]:
    y = table.columns([target])[:, 0].tolist()
    return [_post(f"{address}/v1/estimate", {"x": table.columns([name])[:, 0].tolist(), "y": y}) for name in columns]


def _post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    # Without the environment's proxies, which could not reach a port of this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=PATIENCE) as response:
            answer: dict[str, Any] = json.load(response)
            return answer
    except urllib.error.HTTPError as error:
        raise MutualistError(f"the service answered {error.code}: {error.read().decode()}") from None
    except OSError as error:
        raise MutualistError(f"the service did not answer: {error}") from None


def _difference(one: dict[str, Any], other: dict[str, Any]) -> float:
    """The largest difference between two answers: the estimate and both ends of its interval, in nats."""
    pairs = [(one["mi"], other["mi"])] + [(one["interval"][end], other["interval"][end]) for end in ("low", "high")]
    return float(max(abs(a - b) for a, b in pairs))


def main() -> None:
    """Entry point of `python -m mutualist.demo`."""
    parser = argparse.ArgumentParser(prog="python -m mutualist.demo", description="One question, asked at two doors.")
    parser.add_argument("table", nargs="?", type=Path, default=Path("data/examples/diabetes.csv"))
    parser.add_argument("--target", default="progression", help="column to learn about")
    parser.add_argument("--weights", type=Path, help="folder of an export to use instead of the bundled weights")
    parser.add_argument("--picture", type=Path, default=Path("out/demo.png"), help="file to draw into")
    options = parser.parse_args()
    try:
        if not options.table.exists():
            raise InputError(f"no file {options.table}; run from the root of the repository, or name a table")
        run(options.table, options.target, options.picture, Console(), options.weights)
    except MutualistError as error:
        Console(stderr=True).print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
