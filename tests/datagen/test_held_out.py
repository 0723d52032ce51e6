import json
from typing import Any

import pytest

from mutualist.datagen.config import DatasetConfig, load_config, parse_config
from mutualist.datagen.held_out import pairings
from mutualist.datagen.prior import Prior
from mutualist.errors import ConfigError


@pytest.mark.parametrize("name", ["tiny", pytest.param("full", marks=pytest.mark.slow)])
def test_what_is_held_out_does_not_occur_in_training(name: str) -> None:
    """By what is drawn, not by what the configuration says; blocks beside the first one count too."""
    prior = Prior(load_config(name))

    def drawn(split: str, count: int) -> set[tuple[str, str]]:
        found = set()
        for i in range(count):
            record = prior.draw_record(split, 0, i)
            parameters = json.loads(record.parameters)
            blocks = parameters.get("concatenation", [parameters])
            families = {record.family + " " + b["structure"] for b in blocks if "structure" in b} or {record.family}
            names = _names(json.loads(record.transforms))
            found |= {(family, name) for family in families for name in names}
        return found

    held_out = drawn("test_ood", 60)
    assert len(held_out) >= 4
    assert not held_out & drawn("train", 200)


def _names(transforms: list[dict[str, Any]]) -> set[str]:
    names = set()
    for step in transforms:
        if step["name"] == "monotone":
            names.add(step["map"])
        elif step["name"] == "columns":
            names |= {column.get("map", "none") for side in ("x", "y") for column in step[side]}
        else:
            names.add(step["name"])
    return names or {"none"}


def test_full_holds_out_the_pairings_of_the_paper() -> None:
    pairs = pairings(load_config("full"), "test_ood")
    for structure, name in (("dense", "wigglify"), ("sparse", "half-cube"), ("sparse", "asinh")):
        assert (f"multivariate-normal {structure}", name) in pairs
    for structure, name in (("sparse", "wigglify"), ("dense", "half-cube")):
        assert (f"multivariate-student {structure}", name) in pairs
    assert {("additive-noise", "none"), ("additive-noise", "half-cube")} <= pairs
    families = {family.split()[0] for family, _ in pairings(load_config("full"), "train")}
    left_out = {family.split()[0] for family, _ in pairs} - families
    assert {"additive-noise", "gamma-exponential", "latent-class", "count-response"} <= left_out


def _held_out(small: DatasetConfig, **changes: Any) -> DatasetConfig:
    values = small.model_dump(mode="json")
    values["splits"] = {
        "train": {"records": 10, "parts": ["all"]},
        "test_ood": {"records": 10, "parts": ["other"]},
    }
    component = {"family": "multivariate-normal", "options": {"structure": "canonical"}, **changes}
    other = {**values["parts"][0], "name": "other", "concatenate": 0.0, "components": [component]}
    values["parts"].append(other)
    return parse_config(values)


@pytest.mark.parametrize(
    "transforms",
    [[], [{"name": "monotone", "probability": 1, "options": {"maps": {"asinh": 1}}}]],
)
def test_a_shared_pairing_is_refused(small: DatasetConfig, transforms: list[Any]) -> None:
    with pytest.raises(ConfigError, match=r"multivariate-normal canonical × (none|asinh)"):
        Prior(_held_out(small, transforms=transforms))


def test_a_new_map_or_a_new_family_is_let_through(small: DatasetConfig) -> None:
    flow = [{"name": "flow", "probability": 1}]
    Prior(_held_out(small, transforms=flow))
    Prior(_held_out(small, family="copula", options={}))
    Prior(_held_out(small, options={"structure": "lvm"}))


def test_concatenated_blocks_count_with_the_transforms_of_the_first(small: DatasetConfig) -> None:
    values = _held_out(small, transforms=[{"name": "flow", "probability": 1}]).model_dump(mode="json")
    training = values["parts"][0]
    training["components"][2]["transforms"] = [{"name": "flow", "probability": 0.1}]
    with pytest.raises(ConfigError, match="multivariate-normal canonical × flow"):
        Prior(parse_config(values))
    training["concatenate"] = 0.0
    Prior(parse_config(values))
