"""Flows: random ones as a transform, and those fitted to a table of the user. torch is imported when one is needed."""
