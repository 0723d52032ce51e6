import json

import numpy as np
import pytest

from mutualist.datagen.config import DatasetConfig, load_config, parse_config
from mutualist.datagen.families.elliptical import MultivariateNormal, MultivariateStudent
from mutualist.datagen.prior import Prior, Record, draw_record
from mutualist.errors import ConfigError, DataError


def same(one: Record, other: Record) -> bool:
    arrays = np.array_equal(one.x, other.x) and np.array_equal(one.y, other.y)
    return arrays and one._replace(x=one.x, y=one.y)[3:] == other[3:]


def test_a_record_depends_on_its_seed_path_alone(small: DatasetConfig) -> None:
    prior = Prior(small)
    forth = [prior.draw_record("train", 1, i) for i in range(20)]
    back = [prior.draw_record("train", 1, i) for i in reversed(range(20))]
    assert all(same(a, b) for a, b in zip(forth, reversed(back), strict=True))
    assert same(draw_record(small, "train", 1, 7), forth[7])


def test_no_two_records_are_alike_within_and_across_splits(small: DatasetConfig) -> None:
    prior = Prior(small)
    drawn = [prior.draw_record(split, shard, i) for split in small.splits for shard in range(3) for i in range(20)]
    assert len({r.x.tobytes() + r.y.tobytes() for r in drawn}) == len(drawn)
    assert len({r.seed_path for r in drawn}) == len(drawn)


def test_records_are_well_formed_and_inside_the_laws(small: DatasetConfig) -> None:
    prior = Prior(small)
    records = [prior.draw_record("train", 0, i) for i in range(300)]
    for r in records:
        assert r.x.dtype == r.y.dtype == np.float32
        assert r.x.shape == (r.n, r.dx)
        assert r.y.shape == (r.n, r.dy)
        assert 10 <= r.n <= 60
        assert 1 <= r.dx <= 4
        assert 1 <= r.dy <= 4
        json.loads(r.parameters)
        json.loads(r.transforms)
    assert 0.1 < np.mean([r.mi == 0 for r in records]) < 0.3
    assert np.mean([r.dx == r.dy == 1 for r in records]) > 0.45
    assert {t["name"] for r in records for t in json.loads(r.transforms)} == {"mixing", "spiral", "columns"}
    assert any(r.dx != r.dy for r in records)
    parameters = [json.loads(r.parameters) for r in records]
    for word in ("filled", "concatenation", "swapped", "independent"):
        assert any(word in p for p in parameters), word


def test_a_family_of_one_pair_reaches_every_shape(small: DatasetConfig) -> None:
    values = small.model_dump(mode="json")
    part = values["parts"][0]
    part["components"] = [{"family": "copula"}]
    part["dims"] = [{"dx": 3, "dy": 2}]
    part["concatenate"] = 1.0
    record = Prior(parse_config(values)).draw_record("train", 0, 0)
    assert (record.dx, record.dy) == (3, 2)
    blocks = json.loads(record.parameters)["concatenation"]
    assert [(b["dx"], b["dy"]) for b in blocks] == [(1, 1), (1, 1)]


def test_a_component_of_narrow_dims_stands_beside_others_of_wide_ones(small: DatasetConfig) -> None:
    values = small.model_dump(mode="json")
    part = values["parts"][0]
    single = {"family": "contingency-table", "dims": [{"dx": 1, "dy": 1}], "weight": 3}
    part["components"] = [{"family": "copula"}, single]
    part["dims"] = [{"dx": 4, "dy": 3}]
    part |= {"concatenate": 1.0, "independent": 0.0}
    prior = Prior(parse_config(values))
    blocks = []
    for i in range(40):
        record, (joint, _) = prior.draw_record("train", 0, i), prior.draw_joint("train", 0, i)
        expected = (4, 3) if record.family == "copula" else (1, 1)
        assert {(record.dx, record.dy), (joint.dx, joint.dy)} <= {expected, expected[::-1]}
        blocks += joint.blocks()
    assert {(b.dx, b.dy) for b in blocks} == {(1, 1)}


def test_narrow_blocks_stand_side_by_side(small: DatasetConfig) -> None:
    values = small.model_dump(mode="json")
    part = values["parts"][0]
    part["components"] = [{"family": "copula"}, {"family": "class-normals"}]  # which needs three columns
    part["dims"] = [{"dx": 5, "dy": 4}]
    part |= {"concatenate": 1.0, "narrow": 1.0, "independent": 0.0}
    prior = Prior(parse_config(values))
    shapes = [[(b.dx, b.dy) for b in prior.draw_joint("train", 0, i)[0].blocks()] for i in range(40)]
    assert all({tuple(sorted(shape)) for shape in blocks} <= {(1, 1), (1, 2)} for blocks in shapes)
    assert max(map(len, shapes)) == 4


def test_a_family_that_fits_nowhere_is_named(small: DatasetConfig) -> None:
    values = small.model_dump(mode="json")
    part = values["parts"][0]
    part["components"] = [{"family": "interaction"}]
    part["dims"] = [{"dx": 1, "dy": 1}]
    with pytest.raises(ConfigError, match="interaction"):
        Prior(parse_config(values))


@pytest.mark.parametrize("key", ["independent", "widen", "narrow", "concatenate", "swap"])
def test_every_probability_of_a_part_changes_what_is_drawn(small: DatasetConfig, key: str) -> None:
    values = small.model_dump(mode="json")
    part = values["parts"][0]
    part["transforms"] = []
    part["dims"] = [{"dx": 4, "dy": 4}, {"dx": 2, "dy": 2}]
    part["widen"] = 0.5
    drawn = []
    for probability in (0.0, 1.0):
        part[key] = probability
        prior = Prior(parse_config(values))
        drawn.append([prior.draw_record("train", 0, i).parameters for i in range(40)])
    assert drawn[0] != drawn[1]


def test_a_split_may_draw_from_parts_of_its_own(small: DatasetConfig) -> None:
    values = small.model_dump(mode="json")
    other = {**values["parts"][0], "name": "other", "weight": 0.0, "components": [{"family": "copula"}]}
    values["parts"].append(other)
    values["splits"]["test"] = {"records": 10, "parts": ["other"]}
    with pytest.raises(ConfigError, match="test"):
        Prior(parse_config(values))
    other["weight"] = 1.0
    values["splits"]["train"]["parts"] = ["all"]
    prior = Prior(parse_config(values))
    assert {prior.draw_record("test", 0, i).family for i in range(10)} == {"copula"}
    assert "copula" not in {prior.draw_record("train", 0, i).family for i in range(40)}


def test_a_law_of_mi_is_met_and_its_rejections_are_counted(small: DatasetConfig) -> None:
    values = small.model_dump(mode="json")
    part = values["parts"][0]
    part["mi"] = [{"low": 0.1, "high": 0.2, "weight": 3}, {"low": 1, "high": 2}]
    prior = Prior(parse_config(values))
    assert prior.rejected == 0
    records = [prior.draw_record("train", 0, i) for i in range(120)]
    rejected = prior.rejected
    assert rejected > 120
    apart = np.array(["independent" in json.loads(r.parameters) for r in records])
    mi = np.array([r.mi for r in records])
    assert (mi[apart] == 0).all()
    assert 0.1 < apart.mean() < 0.3
    low = (mi >= 0.1) & (mi < 0.2)
    assert (low | (mi >= 1) & (mi < 2) | apart).all()
    assert 0.6 < low.sum() / (~apart).sum() < 0.9
    assert same(prior.draw_record("train", 0, 3), records[3])
    assert prior.rejected >= rejected


def test_a_law_of_mi_out_of_reach_is_named(small: DatasetConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mutualist.datagen.ingredients.MOST_DRAWS", 50)
    values = small.model_dump(mode="json")
    values["parts"][0] |= {"mi": [{"low": 500, "high": 501}], "independent": 0.0}
    with pytest.raises(ConfigError, match=r"500\.0 to 501\.0"):
        Prior(parse_config(values)).draw_record("train", 0, 0)


def test_the_cpu_configuration_keeps_its_promises() -> None:
    """At least 8 % exactly 0, an eighth 1×1, half of it the reference's shapes."""
    prior = Prior(load_config("cpu"))
    records = [prior.draw_record("train", 0, i) for i in range(1000)]
    assert np.mean([r.mi == 0 for r in records]) > 0.06
    assert np.mean([r.dx == r.dy == 1 for r in records]) > 0.125
    assert np.mean([r.dx == r.dy and r.dx > 1 and r.n <= 500 for r in records]) > 0.45
    assert max(r.n for r in records) > 2000
    assert all(r.mi_stderr <= max(0.01, 0.02 * r.mi) for r in records)


def test_a_family_that_fails_is_named_with_its_record(small: DatasetConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise ZeroDivisionError("no width")

    monkeypatch.setattr(MultivariateNormal, "sample", fail)
    monkeypatch.setattr(MultivariateStudent, "sample", lambda self, n, rng: (np.full((n, self.dx), np.nan),) * 2)
    prior = Prior(small)
    messages = []
    for i in range(20):
        try:
            prior.draw_record("test", 0, i)
        except DataError as error:
            messages.append(str(error))
    assert any("no width" in m and "seed path (7, 3, 0," in m for m in messages)
    assert any("finite" in m and "multivariate-student" in m for m in messages)
