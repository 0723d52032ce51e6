"""Batches: every record once, like with like, within budget, and masks that say what is padding."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mutualist.errors import ConfigError
from mutualist.training.batching import Batching, batches, collate
from mutualist.training.shards import Record


def records(seed: int, count: int, most_rows: int = 300, most: int = 12) -> list[Record]:
    rng = np.random.default_rng(seed)
    made = []
    for i in range(count):
        n = int(np.exp(rng.uniform(np.log(4), np.log(most_rows))))
        dx, dy = rng.integers(1, most + 1, 2)
        made.append(Record(np.full((n, dx + dy), i, np.float32), int(dx), float(i), f"family{i % 3}"))
    return made


def seen(batch) -> list[int]:
    return [int(mi) for mi in batch["mi"]]


def test_masks_say_what_is_padding_even_where_data_are_zero():
    x = Record(np.zeros((3, 2), np.float32), 1, 0.5, "a")
    y = Record(np.arange(10, dtype=np.float32).reshape(2, 5), 3, 1.5, "b")
    batch = collate([x, y])
    assert batch["values"].shape == (2, 3, 5)
    assert batch["row_mask"].tolist() == [[True, True, True], [True, True, False]]
    assert batch["column_mask"].tolist() == [[True, True, False, False, False], [True] * 5]
    assert batch["side"].tolist() == [[False, True, False, False, False], [False, False, False, True, True]]
    np.testing.assert_array_equal(batch["values"][1, :2], y.values)
    assert (batch["values"][1, 2:] == 0).all()
    assert batch["n"].tolist() == [3, 2]
    assert (batch["dx"].tolist(), batch["dy"].tolist()) == ([1, 3], [1, 2])
    assert batch["mi"].tolist() == pytest.approx([0.5, 1.5])
    assert batch["family"] == ["a", "b"]
    assert batch["values"].dtype == torch.float32
    assert batch["row_mask"].dtype == batch["column_mask"].dtype == batch["side"].dtype == torch.bool


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 150), st.integers(500, 50_000), st.integers(1, 40), st.booleans())
def test_every_record_is_in_exactly_one_batch_within_budget(seed, count, max_elements, max_batch, training):
    options = Batching(max_elements=max_elements, max_batch=max_batch, pool_records=40, pool_elements=10_000)
    found = []
    for batch in batches(iter(records(seed, count)), options, np.random.default_rng(0) if training else None):
        size, rows, columns = batch["values"].shape
        assert size <= max_batch
        assert size == 1 or size * options.cost(rows, columns) <= max_elements
        found.extend(seen(batch))
    assert sorted(found) == list(range(count))


def test_little_of_a_batch_is_padding():
    options = Batching(max_elements=60_000, pool_records=2000)
    given = records(0, 2000)
    made = list(batches(iter(given), options))
    padded = sum(batch["values"].numel() for batch in made)
    assert padded < 1.35 * sum(record.values.size for record in given)
    assert len(made) < 2000 / 8


def test_the_pool_bounds_what_is_held():
    held = most = 0

    def counted():
        nonlocal held, most
        for record in records(1, 600):
            held += 1
            most = max(most, held)
            yield record

    for batch in batches(counted(), Batching(max_elements=5000, pool_records=50)):
        held -= len(batch["mi"])
    assert held == 0
    assert most <= 50


def test_a_fixed_order_without_a_generator_and_a_random_one_with_it():
    options = Batching(max_elements=5000)
    plain = [seen(batch) for batch in batches(iter(records(2, 100)), options)]
    assert plain == [seen(batch) for batch in batches(iter(records(2, 100)), options)]
    first, again, other = (
        [seen(batch) for batch in batches(iter(records(2, 100)), options, np.random.default_rng(seed))]
        for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other
    assert sorted(map(tuple, first)) == sorted(map(tuple, plain))


def test_rows_are_cut_only_in_training_and_only_where_few_are_lost():
    near = [Record(np.ones((n, 2), np.float32), 1, 0.0, "a") for n in (90, 100)]
    far = [Record(np.ones((n, 2), np.float32), 1, 0.0, "a") for n in (79, 100)]
    assert collate(near, cut_rows=True)["n"].tolist() == [90, 90]
    assert collate(far, cut_rows=True)["n"].tolist() == [79, 100]
    (validated,) = batches(iter(near), Batching())
    assert sorted(validated["n"].tolist()) == [90, 100]
    (trained,) = batches(iter(near), Batching(), np.random.default_rng(0))
    assert trained["n"].tolist() == [90, 90]
    (uncut,) = batches(iter(near), Batching(cut_rows=False), np.random.default_rng(0))
    assert sorted(uncut["n"].tolist()) == [90, 100]


def test_subsampling_uses_blocks_of_rows_and_leaves_min_rows():
    values = np.arange(400, dtype=np.float32).reshape(200, 2)
    given = [Record(values, 1, 0.0, "a") for _ in range(1200)]
    options = Batching(subsample=0.5, min_rows=20, cut_rows=False)
    sizes = []
    for batch in batches(iter(given), options, np.random.default_rng(0)):
        for i, n in enumerate(batch["n"].tolist()):
            rows = batch["values"][i, :n, 0]
            assert (rows.diff() == 2).all()  # consecutive rows of the record
            sizes.append(n)
    part = np.array(sizes) < 200
    assert 0.4 < part.mean() < 0.6
    assert min(sizes) >= 20
    assert np.log(np.array(sizes)[part]).mean() == pytest.approx(np.log(20 * 200) / 2, abs=0.12)  # log-uniform
    assert all(batch["n"].min() == 200 for batch in batches(iter(given), options))


@pytest.mark.parametrize(
    "change", [{"max_batch": 0}, {"subsample": 1.5}, {"pool_records": 0}, {"pair_cost": -1}, {"min_rows": 0}]
)
def test_impossible_options_are_refused(change):
    with pytest.raises(ConfigError, match=next(iter(change))):
        replace(Batching(), **change)
