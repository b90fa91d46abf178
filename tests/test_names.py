"""Model IDs and skill names: which are taken, what becomes of them, which are refused and why."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from falsmith.errors import SkillNameError
from falsmith.names import (
    SHADOWED,
    check_model_id,
    check_skill_name,
    full_title,
    readable_title,
    skill_name,
    wrapper_name,
)

IMPORTS = (
    "import sys, json, httpx, jsonschema, platformdirs, yaml\n"
    "with httpx.Client(): jsonschema.Draft202012Validator({'type': 'string'}).is_valid(1)\n"
    "print(json.dumps([[n, getattr(m, '__file__', None)] for n, m in sys.modules.items()]))"
)


@pytest.mark.parametrize(
    ("model_id", "name"),
    [
        ("fal-ai/flux/dev", "fal-ai-flux-dev"),
        ("fal-ai/flux-pro/v1.1-ultra", "fal-ai-flux-pro-v1-1-ultra"),
        ("acme/under_score", "acme-under-score"),
        ("acme/a--b", "acme-a-b"),
        ("3d/thing", "3d-thing"),
    ],
)
def test_an_id_becomes_a_name_of_lower_case_and_hyphens(model_id: str, name: str) -> None:
    assert check_model_id(model_id) == model_id
    assert skill_name(model_id) == name


def test_ids_that_differ_by_case_alone_get_different_names() -> None:
    names = {skill_name(one) for one in ("Acme/demo", "acme/demo", "acme/Demo")}

    assert len(names) == 3
    assert "acme-demo" in names
    assert all(name.startswith("acme-demo") for name in names)
    assert skill_name("Acme/demo") == skill_name("Acme/demo")


def test_a_wrapper_is_named_after_its_skill() -> None:
    assert wrapper_name("fal-ai-flux-dev") == "fal_ai_flux_dev"


@pytest.mark.parametrize(
    "model_id",
    [
        "",
        "flux",
        "/flux",
        "acme/",
        "acme//demo",
        "acme/../demo",
        "acme/..",
        "../acme/demo",
        "acme/de mo",
        "acme/demo\n",
        "acme/demo?x=1",
        "acme/démo",
        "acme\\demo",
        "acme/" + "a" * 200,
        "a/b/c/d/e/f/g/h/i",
        "acme/{{ 7 * 7 }}",
    ],
)
def test_what_no_model_can_be_called_is_refused_with_an_example(model_id: str) -> None:
    with pytest.raises(SkillNameError) as caught:
        check_model_id(model_id)

    assert "fal-ai/flux/dev" in caught.value.message
    assert len(caught.value.message) < 300
    assert caught.value.exit_status == 2


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "only a-z"),
        ("Demo", "only a-z"),
        ("de--mo", "only a-z"),
        ("-demo", "only a-z"),
        ("demo\n", "only a-z"),
        ("démo", "only a-z"),
        ("../demo", "only a-z"),
        ("a" * 65, "65 characters, 64 are allowed"),
        ("my-claude-skill", "reserved"),
        ("anthropic", "reserved"),
        ("fal-skill-creator", "reserved"),
        ("con", "a device of that name"),
        ("nul", "a device of that name"),
        ("com1", "a device of that name"),
        ("lpt9", "a device of that name"),
        ("json", "hide a Python module"),
        ("http", "hide a Python module"),
        ("import", "hide a Python module"),
        ("fal-runtime", "hide a Python module"),
        ("fal-api-call", "hide a Python module"),
        ("typing-extensions", "hide a Python module"),
    ],
)
def test_a_name_no_skill_can_have_is_refused_with_the_reason_and_the_option(
    name: str, reason: str
) -> None:
    with pytest.raises(SkillNameError) as caught:
        check_skill_name(name, "acme/demo")

    assert reason in caught.value.message
    assert "--name NAME" in caught.value.message
    assert "acme/demo" in caught.value.message


def test_an_id_whose_wrapper_would_hide_a_module_is_refused() -> None:
    with pytest.raises(SkillNameError, match=r"typing_extensions\.py would hide"):
        skill_name("typing/extensions")


def test_every_package_that_the_runtime_loads_is_kept_from_being_hidden() -> None:
    ran = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, check=True)
    loaded = json.loads(ran.stdout)
    names = {name.partition(".")[0] for name, file in loaded if file and "-packages" in file}
    packages = {name for name in names if not name.startswith("_")}

    assert len(packages) > 5
    assert packages - SHADOWED - sys.stdlib_module_names - {"cython_runtime"} == set()


@given(st.text(max_size=30))
def test_any_text_is_an_id_or_is_refused(text: str) -> None:
    try:
        check_model_id(text)
    except SkillNameError as error:
        assert error.code == "usage"
    else:
        assert text.isascii()
        assert ".." not in text
        assert text.count("/") >= 1


@pytest.mark.parametrize(
    ("model_id", "title"),
    [
        ("acme/demo", "Demo"),
        ("acme/demo/text-to-image", "Demo Text to Image"),
        ("acme/flux-2/klein/4b/lora", "FLUX 2 Klein 4B LoRA"),
        ("acme/tts_hd/v2.1", "TTS HD V2.1"),
        ("acme/v2.1/edit", "Acme V2.1 Edit"),
        ("fal-ai/upscale/video", "Upscale Video"),
        (
            "acme/" + "long-" * 20,
            "Long Long Long Long Long Long Long Long Long Long Long Long Long"[:64],
        ),
    ],
)
def test_a_title_can_be_read_from_the_id(model_id: str, title: str) -> None:
    assert readable_title(model_id) == title.rstrip()


@pytest.mark.parametrize(
    ("display_name", "model_id", "title"),
    [
        ("Demo", "acme/demo", "Demo"),
        ("Demo", "acme/demo/v2/text-to-video", "Demo V2 Text to Video"),
        ("Demo 2.0", "acme/demo/v2", "Demo 2.0"),
        ("Demo (Image to Video)", "acme/demo/image-to-video", "Demo (Image to Video)"),
        ("Demo Video", "acme/demo/image-to-video", "Demo Video Image to Video"),
        ("Demo Audio", "acme/demo/audio-to-audio", "Demo Audio Audio to Audio"),
        ("Demo [Edit]", "acme/demo/edit/lora", "Demo [Edit] LoRA"),
        ("Demo Fine-tuned", "acme/demo/finetuned", "Demo Fine-tuned"),
        ("Demo Lite", "acme/demo-lite/plan/lite", "Demo Lite Plan Lite"),
        ("Demo [Pro]", "acme/demo/standard", "Demo Standard"),
        ("Video", "acme/video/erase", "Acme Video Erase"),
        ("V2.6", "acme/v2.6/flash", "Acme V2.6 Flash"),
        ("Video", "fal-ai/video/erase", "Video Erase"),
    ],
)
def test_a_title_says_what_of_the_id_the_platforms_leaves_out(
    display_name: str, model_id: str, title: str
) -> None:
    assert full_title(display_name, model_id) == title
