"""Good skills: their texts are written by hand, their code is what the generator writes."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from falsmith import __version__
from falsmith.cli import run

NAME = "fal-ai-sketch-fast"
MODEL_ID = "fal-ai/sketch/fast"
MADE_FOR = ("fal-ai/flux/schnell", "fal_ai_flux_schnell")
SKILL_TEXT = f"""---
name: "{NAME}"
description: "Draw images from text with Sketch on fal.ai. Use it for quick drawings."
license: "MIT-0"
compatibility: "Python 3.11+ or uv, internet access, an API key in FAL_KEY"
metadata:
  model-id: "{MODEL_ID}"
  category: "text-to-image"
---
# Sketch

```bash
python scripts/fal_ai_sketch_fast.py --prompt "a cat" --count 2
```

```bash
# Quotes survive in JSON.
python scripts/fal_ai_sketch_fast.py --args-file - <<'JSON'
{{"prompt": "a cat's \\"hat\\"", "size": {{"width": 64}}, "image_url": "photo.png"}}
JSON
```

```bash
uv run scripts/fal_ai_sketch_fast.py --submit \\
    --prompt 'a dog'
python scripts/fal_ai_sketch_fast.py --result REQUEST_ID
python scripts/fal_api_call.py -m {MODEL_ID} --prompt cat --dry-run
```

Or `python scripts/fal_ai_sketch_fast.py --schema size`.
See [the input](references/input.schema.json), `references/output.schema.json`,
[more](references/tools/{NAME}.yaml) and [fal](https://fal.ai).
"""
REFERENCE = f"""model_id: "{MODEL_ID}"
input:
  prompt: {{type: text, required: true}}
example: {{prompt: "a cat", count: 1}}
usage:
  - "python scripts/fal_ai_sketch_fast.py --prompt 'a cat'"
  - "python scripts/fal_ai_sketch_fast.py --dry-run --args-file input.json"
"""
CREATOR = "fal-skill-creator"
CREATOR_TEXT = f"""---
name: "{CREATOR}"
description: "Make skills for models of fal.ai. Use it where a model has no skill yet."
license: "MIT"
compatibility: "Python 3.11+ or uv, internet access, an API key in FAL_KEY"
---
# Creator

```bash
python scripts/generate_fal_skill.py -m fal-ai/flux/schnell --output .. --lazy
uv run scripts/generate_fal_skill.py --help
```

```bash
python scripts/fal_api_call.py -m fal-ai/flux/schnell --args-file - <<'JSON'
{{"prompt": "a cat"}}
JSON
python scripts/fal_api_call.py --help
```
"""
OPENAI = f"""interface:
  display_name: "Sketch"
  short_description: "Draw images from text on fal.ai"
  default_prompt: "Use ${NAME} to draw an image from my text."
"""
INPUT_SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "prompt": {"type": "string", "minLength": 1},
        "count": {"type": "integer", "minimum": 1, "maximum": 4, "default": 1},
        "size": {"anyOf": [{"enum": ["square", "wide"]}, {"$ref": "#/$defs/Size"}]},
        "image_url": {"type": "string", "x-file": "image"},
    },
    "required": ["prompt"],
    "$defs": {"Size": {"type": "object", "properties": {"width": {"type": "integer"}}}},
}
OUTPUT_SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {"url": {"type": "string", "x-file": "image"}},
}
MODEL_CONFIG = {
    "model_id": MODEL_ID,
    "name": NAME,
    "display_name": "Sketch",
    "category": "text-to-image",
    "description": "Draws images from text.",
    "input_schema_known": True,
    "slow": False,
}


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the skill of another model and the creator skill, for their code."""
    output = tmp_path_factory.mktemp("generated")
    words = ["--offline", "--quiet", "-m", MADE_FOR[0], "-o"]
    assert run(["generate", *words, str(output)]) == 0
    assert run(["generate", "--standalone", *words, str(output / "standalone")]) == 0
    return output


@pytest.fixture
def skill(tmp_path: Path, generated: Path) -> Path:
    """A complete skill without a problem."""
    folder = tmp_path / "skills" / NAME
    scripts = folder / "scripts"
    shutil.copytree(generated / "standalone" / "fal-ai-flux-schnell" / "scripts", scripts)
    wrapper = (scripts / f"{MADE_FOR[1]}.py").rename(scripts / "fal_ai_sketch_fast.py")
    code = wrapper.read_text(encoding="utf-8")
    wrapper.write_text(code.replace(MADE_FOR[0], MODEL_ID), encoding="utf-8", newline="")
    texts = {
        "SKILL.md": SKILL_TEXT,
        "queue_config.yaml": "max_concurrent: 2\nsync_only: false\n",
        "agents/openai.yaml": OPENAI,
        f"references/tools/{NAME}.yaml": REFERENCE,
        "references/input.schema.json": json.dumps(INPUT_SCHEMA),
        "references/output.schema.json": json.dumps(OUTPUT_SCHEMA),
        "references/model_config.json": json.dumps(MODEL_CONFIG),
    }
    _write(folder, texts)
    _seal(folder, mode="standalone")
    return folder


@pytest.fixture
def creator(tmp_path: Path, generated: Path) -> Path:
    """The skill that makes skills, beside `skill`, without a problem."""
    folder = tmp_path / "skills" / CREATOR
    shutil.copytree(generated / CREATOR / "scripts", folder / "scripts")
    _write(folder, {"SKILL.md": CREATOR_TEXT, "agents/openai.yaml": OPENAI.replace(NAME, CREATOR)})
    _record(folder, {"falsmith": __version__, "skill": CREATOR})
    return folder


@pytest.fixture
def linked_skill(skill: Path, creator: Path) -> Path:
    """A skill that shares the runtime of the creator beside it, without a problem."""
    scripts = skill / "scripts"
    shutil.rmtree(scripts / "fal_runtime")
    (scripts / "fal_api_call.py").unlink()
    for name in ("fal_runtime", "fal_api_call.py"):
        (scripts / name).symlink_to(f"../../{creator.name}/scripts/{name}")
    _seal(skill, mode="default")
    return skill


def _write(folder: Path, texts: dict[str, str]) -> None:
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8", newline="")


@pytest.fixture
def seal() -> Callable[..., None]:
    """Write provenance.json anew, so that only the mistake of the test is left to be found."""
    return _seal


def _seal(folder: Path, mode: str = "standalone", lazy: bool = True) -> None:
    if folder.name == CREATOR:
        _record(folder, {"falsmith": __version__, "skill": CREATOR})
        return
    options = {
        "mode": mode,
        "lazy": lazy,
        "name": None,
        "description": None,
        "license": "MIT-0",
    }
    links = {
        path.relative_to(folder).as_posix(): path.readlink().as_posix()
        for path in (folder / "scripts").glob("*")
        if path.is_symlink() and mode == "default"
    }
    _record(
        folder,
        {
            "falsmith": __version__,
            "model_id": MODEL_ID,
            "options": options,
            "source": {"sha256": "0" * 64},
            **({"links": links} if links else {}),
        },
    )


def _record(folder: Path, told: dict[str, object]) -> None:
    own = {"references/provenance.json", "references/guide.md", "references/defaults.yaml"}
    paths = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    found = {path.relative_to(folder).as_posix(): path for path in paths}
    files = {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in sorted(found.items())
        if name not in own and "__pycache__" not in name
    }
    record = folder / "references" / "provenance.json"
    record.parent.mkdir(exist_ok=True)
    record.write_text(json.dumps(told | {"files": files}), encoding="utf-8")
