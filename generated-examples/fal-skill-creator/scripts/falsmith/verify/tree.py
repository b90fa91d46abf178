"""The folder as a tree: which files must be there, and how they are named."""

import re
from collections import Counter
from collections.abc import Iterator

from falsmith.verify.folder import Folder
from falsmith.verify.front_matter import SKILL_FILE
from falsmith.verify.problem import Problem
from falsmith.verify.provenance import is_creator

__all__ = ["check_language", "check_names", "check_required"]

REQUIRED = (
    SKILL_FILE,
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
UNWANTED = {
    "metadata.json": "is left out by installers that keep their own file of this name: rename it",
    "plugin.json": "makes stores refuse the skill as a plugin",
}
# agentskills.io, specification: scripts are usually Python, Bash or JavaScript.
USUAL_CODE = (".bash", ".cjs", ".js", ".mjs", ".sh", ".ts", ".zsh")
OTHER_CODE = (
    ".bat", ".cmd", ".com", ".exe", ".fish", ".jar", ".lua", ".php", ".pl", ".ps1", ".psm1", ".pth",
    ".pyc", ".pyd", ".pyo", ".pyw", ".pyz", ".rb", ".so", ".vbs", ".wasm",
)  # fmt: skip
NOT_PYTHON = "is a program that nobody checks here: a skill's scripts are Python, in .py files"
PLAIN_PATH = re.compile(r"[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*")


def check_required(folder: Folder) -> list[Problem]:
    """List the files without which the skill cannot work."""
    return [
        Problem(path, "is missing: generate the skill again with --force")
        for path in REQUIRED + (OF_THE_CREATOR if is_creator(folder) else OF_A_MODEL)
        if not folder.has(path)
    ]


def check_language(folder: Folder) -> list[Problem]:
    """List scripts in the languages that skills of others may have: falsmith writes Python."""
    paths = (*folder.files, *folder.links)
    return [Problem(path, NOT_PYTHON) for path in paths if path.lower().endswith(USUAL_CODE)]


def check_names(folder: Folder) -> list[Problem]:
    """List names that some file systems, archives or hosts cannot hold, or that deceive the eye."""
    paths = sorted([*folder.files, *folder.links])
    same = Counter(map(str.casefold, paths))
    return [
        Problem(path, message)
        for path in paths
        for message in _objections(path, same.get(path.casefold(), 1))
    ]


def _objections(path: str, same: int) -> Iterator[str]:
    name = path.rpartition("/")[2]
    if not PLAIN_PATH.fullmatch(path):
        yield "has a name of other characters than letters, digits, dot, hyphen, underscore"
    if same > 1:
        yield "has a name that differs from another one in capitals only: some disks keep one"
    if path != SKILL_FILE and name.lower() == SKILL_FILE.lower():
        yield "would be taken for a skill of its own: only SKILL.md at the top may have this name"
    if name in UNWANTED:
        yield UNWANTED[name]
    if name.lower().endswith(OTHER_CODE):
        yield NOT_PYTHON
