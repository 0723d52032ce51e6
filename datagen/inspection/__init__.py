"""Looks at a meta-dataset that was made: one record again, every file and label, and a page of pictures."""
