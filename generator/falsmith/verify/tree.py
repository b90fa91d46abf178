"""The folder as a tree: which files must be there, and how they are named."""

import re

from falsmith.verify.folder import Folder
from falsmith.verify.problem import Problem
from falsmith.verify.provenance import is_creator

__all__ = ["check_names", "check_required"]

REQUIRED = (
    "SKILL.md",
    "agents/openai.yaml",
    "references/provenance.json",
    "scripts/fal_api_call.py",
    "scripts/fal_runtime/__init__.py",
    "scripts/fal_runtime/command.py",
)
OF_A_MODEL = (
    "queue_config.yaml",
    "references/input.schema.json",
    "references/model_config.json",
    "references/output.schema.json",
)
OF_THE_CREATOR = (
    "scripts/generate_fal_skill.py",
    "scripts/falsmith/__init__.py",
    "scripts/falsmith/cli/generate.py",
    "scripts/falsmith/templates/skill/SKILL.md.jinja",
)
PLAIN_PATH = re.compile(r"[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*")


def check_required(folder: Folder) -> list[Problem]:
    """List the files without which the skill cannot work."""
    return [
        Problem(path, "is missing: generate the skill again with --force")
        for path in REQUIRED + (OF_THE_CREATOR if is_creator(folder) else OF_A_MODEL)
        if not folder.has(path)
    ]


def check_names(folder: Folder) -> list[Problem]:
    """List names that some file systems or archives cannot hold, or that deceive the eye."""
    return [
        Problem(
            path, "has a name of other characters than letters, digits, dot, hyphen, underscore"
        )
        for path in [*folder.files, *folder.links]
        if not PLAIN_PATH.fullmatch(path)
    ]
