"""Uploaded tables, read apart from the service: CSV, Parquet, Arrow IPC and JSON columns."""
