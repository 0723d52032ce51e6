"""API keys and their rates."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from mutualist.errors import ConfigError
from mutualist.serving.command import print_key
from mutualist.serving.http.keys import digest, new_key, read_keys
from mutualist.serving.http.rates import Rates

BODY = {"x": [1, 2, 3, 4, 5, 6], "y": [2, 1, 4, 3, 6, 5]}


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("shared", [False, True])
def test_a_minutes_worth_at_once_then_evenly(tmp_path: Path, shared: bool) -> None:
    clock = Clock()
    file = tmp_path / "rates" if shared else None
    rates = [Rates({"a": 6, "b": 0.5}, file, clock) for _ in range(2)]
    ask = (lambda i: rates[i % 2].wait("a")) if shared else (lambda i: rates[0].wait("a"))
    assert [ask(i) for i in range(6)] == [0.0] * 6
    assert ask(6) == pytest.approx(10)
    assert ask(7) == pytest.approx(10), "what was refused must not count"
    clock.now += 10
    assert ask(8) == 0.0
    assert ask(9) == pytest.approx(10)
    clock.now += 1000
    assert [ask(i) for i in range(7)][:6] == [0.0] * 6, "a bucket does not overflow"
    assert ask(0) > 0
    assert rates[0].wait("b") == 0.0, "each key has a bucket of its own, and at least one request"
    assert rates[0].wait("b") == pytest.approx(120)
    for one in rates:
        one.close()


def key_file(tmp_path: Path, **per_minute: float) -> Path:
    path = tmp_path / "keys.toml"
    entries = (f'[{n}]\nsha256 = "{digest(f"{n} key")}"\nper_minute = {r}\n' for n, r in per_minute.items())
    path.write_text("".join(entries))
    return path


def test_only_known_keys_are_let_in_and_each_at_its_rate(make_client: Any, tmp_path: Path) -> None:
    client = make_client(keys_file=key_file(tmp_path, ann=3, bob=100))
    for given in (None, "Bearer no", "Basic ann key", "ann key"):
        headers = {"authorization": given} if given else {}
        refused = client("POST", "/v1/estimate", json=BODY, headers=headers)
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
        assert "Authorization: Bearer KEY" in refused.json()["detail"]
    ann, bob = ({"authorization": f"Bearer {name} key"} for name in ("ann", "bob"))
    statuses = [client("POST", "/v1/estimate", json=BODY, headers=ann).status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    assert client("POST", "/v1/estimate", json=BODY, headers=bob).status_code == 200
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.json", "/"):
        assert client("GET", path).status_code == 200, path


def test_the_documentation_asks_for_a_key_where_the_service_does(make_client: Any, tmp_path: Path) -> None:
    document = make_client(keys_file=key_file(tmp_path, ann=100))("GET", "/openapi.json").json()
    assert document["components"]["securitySchemes"] == {"key": {"type": "http", "scheme": "bearer"}}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["security"] == ([{"key": []}] if path.startswith("/v1/") else [])
    assert "securitySchemes" not in make_client()("GET", "/openapi.json").text


def test_a_job_is_its_keys(make_client: Any, tmp_path: Path) -> None:
    client = make_client(keys_file=key_file(tmp_path, ann=100, bob=100))
    ann, bob = ({"authorization": f"Bearer {name} key"} for name in ("ann", "bob"))
    body = {"columns": {"a": [1, 2, 3, 4], "b": [2, 1, 4, 3]}}
    path = client("POST", "/v1/jobs/pairwise", json=body, headers=ann).headers["location"]
    assert client("GET", path, headers=ann).status_code == 200
    for method, tail in itertools.product(("GET", "DELETE"), ("",)):
        assert client(method, path + tail, headers=bob).status_code == 404
    assert client("GET", path, headers=ann).status_code == 200


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no key"),
        ("[a]\nsha256 = 'short'\n", "sha256: String should match"),
        ("[a]\nkey = 'plain'\n", "sha256: Field required"),
        (f"[a]\nsha256 = '{'0' * 64}'\nper_minute = 0\n", "per_minute"),
        ("a = 1\n", "an entry"),
        ("[a\n", "is not TOML"),
    ],
)
def test_a_keys_file_that_cannot_be_used_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=says):
        read_keys(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_keys(tmp_path / "absent.toml")


def test_the_command_makes_an_entry_that_lets_its_key_in(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path, given = tmp_path / "keys.toml", {}
    for name in ("ann", "bob-2"):
        print_key(name)
        entry, shown = capfd.readouterr()
        with path.open("a") as file:
            file.write(entry)
        given[name] = next(word for word in shown.split() if word.startswith("mi_"))
    keys = read_keys(path)
    assert {name: keys.admit(f"Bearer {key}") for name, key in given.items()} == {"ann": "ann", "bob-2": "bob-2"}
    assert not any(key in path.read_text() for key in given.values())
    keys.close()


def test_keys_are_long_and_unlike() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(len(key) > 40 and digest(key) != key for key in keys)
