"""falsmith turns a fal.ai model ID into an agent skill that calls the model safely."""

__version__ = "0.1.0"

__all__ = ["__version__"]
