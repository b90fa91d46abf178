"""What the README quotes is what comes out today."""

import re
from pathlib import Path

from falsmith.render import CREATOR, render_creator

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_quoted_skill_is_the_beginning_of_the_example() -> None:
    (quoted,) = re.findall(r"^````markdown\n(.*?)^````$", README, re.DOTALL | re.MULTILINE)
    (linked,) = re.findall(r"\[the whole file\]\((.*?)\)", README)

    assert (ROOT / linked).read_text(encoding="utf-8").startswith(quoted)


def test_the_creator_skill_has_as_many_files_as_the_readme_says() -> None:
    assert f"/{CREATOR} ({len(render_creator())} files)" in README
