from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from mutualist.datagen.config import DatasetConfig, config_names, load_config, parse_config
from mutualist.datagen.prior import Prior
from mutualist.errors import ConfigError

Values = dict[str, Any]


def test_packaged_configurations_are_found_and_can_be_drawn_from() -> None:
    assert {"tiny", "cpu", "pairs", "full"} <= set(config_names())
    for name in config_names():
        config = load_config(name)
        assert {"train", "validation", "calibration", "test"} <= set(config.splits)
        prior = Prior(config)
        for split in config.splits:
            assert prior.draw_record(split, 0, 0).seed_path[0] == config.seed


def test_a_path_is_read_like_a_name(tmp_path: Path, small: DatasetConfig) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(small.model_dump(mode="json")))
    assert load_config(path) == small
    assert load_config(path).digest() == small.digest()


@pytest.mark.parametrize(("key", "value"), [("mi", [{"low": 0.1, "high": 1.0}]), ("narrow", 0.5)])
def test_a_part_without_what_came_later_has_the_digest_of_before(small: DatasetConfig, key: str, value: Any) -> None:
    assert key not in small.model_dump(mode="json")["parts"][0]
    values = small.model_dump(mode="json")
    values["parts"][0][key] = value
    changed = parse_config(values)
    assert changed.digest() != small.digest()
    assert parse_config(changed.model_dump(mode="json")) == changed


def test_digest_tells_configurations_apart(small: DatasetConfig) -> None:
    values = small.model_dump(mode="json")
    assert parse_config(values).digest() == small.digest()
    assert parse_config({**values, "seed": 8}).digest() != small.digest()


def test_shards_cover_all_records(small: DatasetConfig) -> None:
    assert small.shards("train") == [20, 20, 10]
    assert small.shards("test") == [10]


def _set(*path: Any) -> Callable[[Values], None]:
    """Sets the last element of `path` at the place that the others lead to."""

    def change(values: Values) -> None:
        at: Any = values
        for key in path[:-2]:
            at = at[key]
        at[path[-2]] = path[-1]

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_set("sed", 1), ["sed: unknown key; did you mean 'seed'?"]),
        (_set("bogus", 1), ["bogus: unknown key; remove it"]),
        (_set("seed", -1), ["seed"]),
        (_set("parts", 0, "n", 0, {"low": 5, "high": 2}), ["parts.0.n.0", "low (5)"]),
        (
            _set("parts", 0, "components", 0, "wieght", 1),
            ["parts.0.components.0.wieght: unknown key; did you mean 'weight'?"],
        ),
        (_set("parts", 0, "transforms", 0, "probability", 1.5), ["probability", "1"]),
        (_set("splits", {"trian": {"records": 1}}), ["trian", "train"]),
        (_set("splits", "train", "parts", ["other"]), ["other"]),
        (_set("parts", []), ["parts"]),
        (_set("parts", 0, "mi", [{"low": 1, "high": 1}]), ["parts.0.mi.0", "below high"]),
        (_set("parts", 0, "mi", []), ["parts.0.mi"]),
    ],
)
def test_wrong_values_are_named_with_their_place(small: DatasetConfig, change: Any, words: list[str]) -> None:
    values = small.model_dump(mode="json")
    change(values)
    with pytest.raises(ConfigError) as error:
        parse_config(values)
    assert all(word in str(error.value) for word in words)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (_set("parts", 0, "components", 0, "family", "gaussian"), "multivariate-normal"),
        (_set("parts", 0, "components", 0, "options", {"strcture": "dense"}), "structure"),
        (_set("parts", 0, "transforms", 0, "name", "rotate"), "mixing"),
        (_set("parts", 0, "components", 0, "weight", 0), None),
    ],
)
def test_unknown_names_are_found_before_anything_is_drawn(small: DatasetConfig, change: Any, word: str | None) -> None:
    values = small.model_dump(mode="json")
    change(values)
    if word is None:  # one weight of 0 leaves a component out; all of them leave nothing
        for component in values["parts"][0]["components"]:
            component["weight"] = 0
        word = "weight"
    with pytest.raises(ConfigError, match=word):
        Prior(parse_config(values))


def test_what_is_not_a_configuration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="tiny"):
        load_config("no-such-name")
    (tmp_path / "list.yaml").write_text("- 1\n- 2\n")
    with pytest.raises(ConfigError, match="mapping"):
        load_config(tmp_path / "list.yaml")
    (tmp_path / "broken.yaml").write_text("seed: [1")
    with pytest.raises(ConfigError, match="not YAML"):
        load_config(tmp_path / "broken.yaml")


def test_a_part_that_no_split_draws_is_refused(small: DatasetConfig) -> None:
    values = small.model_dump(mode="json")
    first = values["parts"][0]
    for split in values["splits"].values():
        split["parts"] = [part["name"] for part in values["parts"]]
    values["parts"].append({**first, "name": "idle"})
    with pytest.raises(ConfigError, match=r"no split draws from the parts \['idle'\]"):
        parse_config(values)
    values["splits"]["train"]["parts"].append("idle")
    parse_config(values)
