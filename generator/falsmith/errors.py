"""What the generator can fail with, as branches of the runtime's one tree of errors.

FalError                    fal_runtime.errors: a code of the table, a message, what to do next
├── DocumentError           a model's document is broken or cannot be used
├── ModelNotFoundError      no source knows the model
├── SkillNameError          a model ID or a skill name that cannot be used
├── PlatformError           the Platform API refuses, is unreachable or answers nonsense
└── TargetError             the folder to write into is in the way, edited or not writable
"""

from fal_runtime.errors import FalError

__all__ = [
    "DocumentError",
    "ModelNotFoundError",
    "PlatformError",
    "SkillNameError",
    "TargetError",
]


class DocumentError(FalError):
    """A model's document is broken, too large or not a document at all.

    `model_id` is empty where what is broken does not say whose document it is.
    """

    def __init__(self, message: str, model_id: str = "") -> None:
        super().__init__("invalid_document", message)
        self.model_id = model_id


class ModelNotFoundError(FalError):
    """No model of this ID is known to the source that was asked."""

    def __init__(self, message: str) -> None:
        super().__init__("model_not_found", message)


class SkillNameError(FalError):
    """A model ID is malformed, or the skill's name is reserved, taken or shadows a module."""

    def __init__(self, message: str, code: str = "usage") -> None:
        super().__init__(code, message)


class PlatformError(FalError):
    """The Platform API refuses the key, cannot be reached or answers something unusable."""


class TargetError(FalError):
    """The output folder cannot be written, is not ours, or holds files that the user edited."""
