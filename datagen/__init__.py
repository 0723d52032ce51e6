"""Synthesises meta-datasets: samples of joint distributions whose mutual information is known, as Parquet shards."""
