"""Where the hosts of agent skills look for them in a project."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

__all__ = ["DEFAULT_FOLDER", "HOST_FOLDERS"]

# Claude Code reads .claude/skills only; Codex and Gemini read the shared .agents/skills. Each of
# the others also reads the shared folder, beside the one of its own that stands here.
HOST_FOLDERS: Mapping[str, Path] = MappingProxyType(
    {
        "claude": Path(".claude/skills"),
        "codex": Path(".agents/skills"),
        "agents": Path(".agents/skills"),
        "cursor": Path(".cursor/skills"),
        "gemini": Path(".agents/skills"),
        "copilot": Path(".github/skills"),
        "windsurf": Path(".windsurf/skills"),
    }
)
DEFAULT_FOLDER = HOST_FOLDERS["claude"]
