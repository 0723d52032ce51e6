"""Parquet shards to calibrated, exported weights: data module, Lightning module, calibration, export."""
