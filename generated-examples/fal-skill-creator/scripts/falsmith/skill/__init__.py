"""A generated folder: its record, what is ours in it, compare, write, remove."""
