"""A result on disk, and the one JSON object that a command answers with."""
