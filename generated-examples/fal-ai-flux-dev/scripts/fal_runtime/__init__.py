"""What a generated skill carries: it validates input, calls a fal model and saves its files."""

RUNTIME_VERSION = "0.1.0"
