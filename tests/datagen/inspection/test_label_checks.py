"""Second methods find the MI that is there, and a label that is wrong."""

from typing import Any

import numpy as np
import pytest

from mutualist.datagen.composite import Concatenation, Independent, Swapped
from mutualist.datagen.config import DatasetConfig, parse_config
from mutualist.datagen.families.labelled import Labelled
from mutualist.datagen.filler import Filled
from mutualist.datagen.inspection.densities import log_ratio
from mutualist.datagen.inspection.label_checks import AGAIN, DENSITIES, FROM_ABOVE, METHODS, NEIGHBOURS, check_labels
from mutualist.datagen.inspection.neighbours import judges, neighbour_information, tolerance
from mutualist.datagen.prior import Prior
from mutualist.datagen.registry import make_family


@pytest.mark.parametrize("rho", [0.0, 0.6, 0.95])
def test_nearest_neighbours_find_the_mi_of_normals(rho: float) -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((4000, 1))
    y = rho * x + np.sqrt(1 - rho**2) * rng.standard_normal((4000, 1))
    assert neighbour_information(np.exp(9 * x), y, rng) == pytest.approx(-0.5 * np.log1p(-(rho**2)), abs=0.04)
    wide = np.hstack([x, rng.standard_normal((4000, 1))])
    assert neighbour_information(y, wide, rng) == pytest.approx(-0.5 * np.log1p(-(rho**2)), abs=0.06)


def test_nearest_neighbours_find_the_mi_of_classes_and_of_mixtures() -> None:
    """Codes on both sides, on one, and atoms within a continuous column."""
    rng = np.random.default_rng(2)
    code = rng.integers(0, 4, (6000, 1))
    same = np.where(rng.random((6000, 1)) < 0.5, code, rng.integers(0, 4, (6000, 1)))
    joint = np.full((4, 4), 0.5 / 16) + np.eye(4) * 0.5 / 4
    assert neighbour_information(code, same, rng) == pytest.approx(float((joint * np.log(16 * joint)).sum()), abs=0.02)
    # Y uniform on (code, code + 2): ln m - (m - 1) / m ln 2 (Gao et al. 2017, sec. 5); its edges are blurred
    assert neighbour_information(code, code + 2 * rng.random((6000, 1)), rng) == pytest.approx(
        np.log(4) - 0.75 * np.log(2), abs=0.05
    )
    # X is 0 with probability 1/2, else uniform, and so is Y, together: ln 2 from the atoms, the uniform parts apart
    atom = rng.random((6000, 1)) < 0.5
    x, y = (np.where(atom, 0.0, rng.random((6000, 1))) for _ in range(2))
    assert neighbour_information(x, y, rng) == pytest.approx(np.log(2), abs=0.03)


def test_tolerance_grows_with_columns_where_the_estimate_still_rises() -> None:
    assert tolerance(1.0, 4, -0.1) == tolerance(1.0, 4, 0.0)
    below = [tolerance(1.0, d, 0.1)[0] for d in (2, 3, 4)]
    assert below == sorted(below)
    assert below[0] == pytest.approx(0.05 + 0.1 + 0.02)
    cases = zip((4.0, 4.1, 2.0, 2.1, 0.0), (2, 2, 3, 3, 5), strict=True)
    assert [judges(mi, d) for mi, d in cases] == [True, False, True, False, False]


@pytest.mark.parametrize(
    ("family", "options"),
    [
        ("multivariate-normal", {"structure": "lvm"}),
        ("multivariate-student", {"structure": "dense", "nu": (0.7, 3.0)}),
        ("additive-noise", {"per_column": True}),
        ("ball", {}),
        ("ball", {"mi": (2.0, 2.5)}),
    ],
)
def test_densities_find_the_mi_in_many_columns(family: str, options: dict[str, Any]) -> None:
    rng = np.random.default_rng(3)
    joint = make_family(family, options).draw(rng, 9, 7)
    ratio = log_ratio(joint)
    assert ratio is not None
    values = ratio(*joint.sample(20_000, rng))
    assert values.mean() == pytest.approx(joint.mi, abs=5 * values.std() / 20_000**0.5)


def test_rows_that_the_noise_cannot_reach_are_impossible() -> None:
    ratio = log_ratio(make_family("additive-noise", {"epsilon": (0.1, 0.1)}).draw(np.random.default_rng(0), 1, 1))
    assert ratio is not None
    x, y = np.array([[0.5], [0.5]]), np.array([[0.55], [0.75]])
    np.testing.assert_allclose(ratio(x, y), [-np.log(0.2), -np.inf])


def test_a_composite_is_checked_by_its_blocks() -> None:
    rng = np.random.default_rng(0)
    normal = make_family("multivariate-normal", {}).draw(rng, 2, 1)
    apart = Independent(make_family("additive-noise", {}).draw(rng, 3, 3))
    noise = make_family("additive-noise", {}).draw(rng, 1, 2)
    whole = Swapped(Filled(Concatenation([normal, Concatenation([apart, noise])]), rng, 2, 3))
    blocks = whole.blocks()
    assert [id(b) for b in blocks] == [id(normal), id(apart), id(noise)]
    assert sum(b.mi for b in blocks) == pytest.approx(whole.mi)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("lifted-normal", {"max_mi": 2.0}),
        ("lifted-copula", {}),
        ("radial", {"shapes": ("line", "absolute", "saturating")}),
        ("interaction", {"kinds": ("product", "gate", "switch"), "mi": (0.1, 0.8)}),
        ("ordinal-response", {}),
    ],
)
def test_a_core_of_few_columns_carries_the_mi_of_many(name: str, options: dict[str, Any]) -> None:
    rng = np.random.default_rng(5)
    for _ in range(3):
        joint = make_family(name, options).draw(rng, 8, 1)
        core = joint.core()
        assert core.dx + core.dy <= 4
        assert core.mi == joint.mi
        x, y = core.sample(6000, rng)
        assert (x.shape, y.shape) == ((6000, core.dx), (6000, core.dy))
        assert neighbour_information(x, y, rng) == pytest.approx(joint.mi, abs=0.08 + 0.08 * joint.mi)


def of(components: list[dict[str, Any]], dims: dict[str, Any]) -> DatasetConfig:
    part = {"name": "all", "n": [{"low": 10, "high": 20}], "dims": [dims], "components": components}
    return parse_config({"seed": 3, "splits": {"train": {"records": 4}}, "parts": [part]})


@pytest.mark.parametrize(
    ("family", "dims", "methods"),
    [
        ("smoothed-uniform", {"dx": 1, "dy": 1}, {NEIGHBOURS}),
        ("mixture", {"dx": 1, "dy": 1}, {AGAIN, NEIGHBOURS}),
        ("contaminated", {"dx": 1, "dy": 2}, {AGAIN, NEIGHBOURS}),
        ("class-normals", {"dx": 3, "dy": 6}, {AGAIN, FROM_ABOVE}),
        ("curve", {"dx": 3, "dy": 3}, {AGAIN, FROM_ABOVE}),
        ("multivariate-normal", {"dx": 12, "dy": 9}, {DENSITIES}),
        ("radial", {"dx": 7, "dy": 5}, {NEIGHBOURS, FROM_ABOVE}),
        ("lifted-copula", {"dx": 4, "dy": 4}, {NEIGHBOURS, FROM_ABOVE}),
        ("multivariate-student", {"dx": 1, "dy": 1}, {DENSITIES, NEIGHBOURS}),
    ],
)
def test_right_labels_pass_and_wrong_ones_do_not(
    family: str, dims: dict[str, Any], methods: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = of([{"family": family}], dims)
    records = [("train", i) for i in range(3)]
    right = check_labels(config, records, rows=2000)
    assert {c.method for c in right} == methods
    assert all(c.agrees for c in right), right
    draw = Prior.draw_joint

    def shifted(by: float) -> Any:
        def wrong(self: Prior, split: str, shard: int, i: int) -> Any:
            joint, rng = draw(self, split, shard, i)
            joint.mi = max(0.0, joint.mi + by * (1 + joint.mi))
            return joint, rng

        return wrong

    monkeypatch.setattr(Prior, "draw_joint", shifted(0.25))
    # Of many columns neighbours say nothing of a label that is too high.
    assert {c.method for c in check_labels(config, records, rows=2000) if c.agrees} <= {FROM_ABOVE}


def test_a_label_of_many_columns_that_is_too_low_is_found() -> None:
    """Without a density and without a Monte Carlo mean there are the neighbours left, from above."""
    rng = np.random.default_rng(0)
    strong = make_family("multivariate-normal", {"structure": "sparse", "ranges": {"strength": (3, 3)}}).draw(rng, 5, 5)
    hidden = Labelled(5, 5, strong.mi, strong.sample)
    config = of([{"family": "multivariate-normal"}], {"dx": 5, "dy": 5})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Prior, "draw_joint", lambda self, split, shard, i: (hidden, np.random.default_rng(i)))
        assert [c.agrees for c in check_labels(config, [("train", 0)], rows=3000)] == [True]
        hidden.mi = 0.0
        (check,) = check_labels(config, [("train", 0)], rows=3000)
    assert check.method == FROM_ABOVE
    assert not check.agrees
    assert check.tolerance[0] == np.inf


@pytest.mark.slow
def test_labels_of_the_packaged_mixture_agree() -> None:
    from mutualist.datagen.config import load_config

    checks = check_labels(load_config("full"), [("test", i) for i in range(150)])
    assert {c.method for c in checks} == set(METHODS)
    assert [c for c in checks if not c.agrees] == []
