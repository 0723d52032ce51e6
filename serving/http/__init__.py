"""What every request passes: its identity, its key, its limits, its log line, and the form of an error."""
