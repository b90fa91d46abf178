"""A Python that is bare or old: run through uv where there is one, else say what to install."""

import ast
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import fal_runtime
from fal_runtime.dependencies import PACKAGES
from falsmith.cli import run as falsmith

# Imports of third parties fail, as in a Python without them.
WRAPPER = """\
import sys
from pathlib import Path
for name in ("httpx", "jsonschema", "yaml"):
    sys.modules[name] = None
from fal_runtime.command import main
sys.exit(main(model_id="acme/demo", skill=Path(__file__).absolute().parent.parent))
"""
# What a script is told of its Python is older than what runs it.
OLD = """\
import runpy, sys
sys.version_info = (3, 9, 6, "final", 0)
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
UV = """\
#!{python}
import json, os, sys
print(json.dumps({{"words": sys.argv[1:], "guard": os.environ.get("FAL_RUN_BY_UV")}}))
"""


@pytest.fixture
def wrapper(tmp_path: Path) -> Path:
    skill = tmp_path / "skill"
    (skill / "references").mkdir(parents=True)
    (skill / "scripts").mkdir()
    (skill / "references" / "model_config.json").write_text('{"model_id": "acme/demo"}')
    (skill / "references" / "input.schema.json").write_text('{"type": "object", "properties": {}}')
    script = skill / "scripts" / "acme_demo.py"
    script.write_text(WRAPPER)
    return script


@pytest.fixture
def path_with_uv(tmp_path: Path) -> str:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "uv").write_text(UV.format(python=sys.executable))
    (folder / "uv").chmod(0o755)
    return str(folder)


def run(wrapper: Path, *argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, str(wrapper), *argv]
    settings = {**os.environ, "PATH": "/nowhere", **environment}
    return subprocess.run(words, capture_output=True, text=True, env=settings, check=False)


def test_without_uv_the_answer_says_the_one_command_that_helps(wrapper: Path) -> None:
    done = run(wrapper, "--dry-run", "--args", "{}")
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["code"]) == (9, "local_trouble")
    words = shlex.split(error["next"])
    assert words[1:4] == ["-m", "pip", "install"]
    assert words[4:] == list(PACKAGES.values())
    assert ", ".join(PACKAGES.values()) in error["message"]


def test_with_uv_the_same_command_runs_through_it(wrapper: Path, path_with_uv: str) -> None:
    done = run(wrapper, "--args-file", "-", "--output", "a b", PATH=path_with_uv)
    told = json.loads(done.stdout)
    assert told["words"][:3] == ["run", "--quiet", "--script"]
    assert told["words"][3:] == [str(wrapper), "--args-file", "-", "--output", "a b"]
    assert told["guard"] == "1"


def test_uv_is_tried_once(wrapper: Path, path_with_uv: str) -> None:
    done = run(wrapper, "--args", "{}", PATH=path_with_uv, FAL_RUN_BY_UV="1")
    assert done.returncode == 9


def test_help_and_schema_need_no_package(wrapper: Path) -> None:
    assert run(wrapper, "--help").stdout.startswith("usage: ")
    assert json.loads(run(wrapper, "--schema").stdout) == {"type": "object", "properties": {}}


@pytest.fixture
def skills(tmp_path: Path) -> Path:
    folder = tmp_path / "skills"
    model = "fal-ai/flux/schnell"
    assert falsmith(["generate", "--offline", "-m", model, "--output", str(folder)]) == 0
    return folder


@pytest.mark.parametrize(
    "name",
    [
        *(
            f"fal-ai-flux-schnell/scripts/{name}.py"
            for name in ("fal_ai_flux_schnell", "queue_client")
        ),
        *(f"fal-skill-creator/scripts/{name}.py" for name in ("falsmith", "fal_api_call")),
    ],
)
def test_an_old_python_gives_way_to_uv_and_else_says_what_is_needed(
    skills: Path, path_with_uv: str, name: str
) -> None:
    words = [sys.executable, "-c", OLD, str(skills / name), "--help"]
    ran = [
        subprocess.run(words, capture_output=True, text=True, env={"PATH": path}, check=False)
        for path in (path_with_uv, "/nowhere")
    ]
    assert json.loads(ran[0].stdout)["words"][3:] == [str(skills / name), "--help"]
    error = json.loads(ran[1].stdout)["error"]
    assert (ran[1].returncode, error["code"]) == (9, "local_trouble")
    assert "this is Python 3.9" in error["message"] and "3.11 or later" in error["message"]
    assert error["message"] in ran[1].stderr


def test_an_old_python_can_read_what_it_gets_to_see(skills: Path) -> None:
    seen = [*skills.glob("*/scripts/*.py"), Path(fal_runtime.__file__)]
    for file in (*seen, Path(fal_runtime.__file__).with_name("uv.py")):
        ast.parse(file.read_text(), feature_version=(3, 7))
