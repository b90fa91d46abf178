"""Real drift: every pair of documents is classified, as an independent look at them would."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from falsmith.documents import openapi_documents
from falsmith.drift import CLASSES, Change, Interface, changes
from falsmith.parse import parse
from falsmith.schema.resolve import input_schema

pytestmark = pytest.mark.corpus

# Looked at one by one in the documents themselves; "fresh" is what only the rest of them says.
JUDGED: dict[str, tuple[str, ...]] = {
    "breaking": (
        "2026-01-28/bria__fibo-lite__generate",  # members that must be there now
        "2026-01-28/bria__video__erase__keypoints",  # the answer is no longer described
        "2026-01-28/fal-ai__ai-avatar__multi-text",  # a seed within limits
        "2026-01-28/fal-ai__dia-tts__voice-clone",  # fields that are gone
        "2026-01-28/fal-ai__fast-animatediff__turbo__video-to-video",  # limit, field, defaults
        "2026-01-28/fal-ai__fast-lcm-diffusion",  # a choice of models that is gone
        "2026-01-28/fal-ai__flux-2-lora-gallery__sepia-vintage",  # more steps at least
        "2026-01-28/fal-ai__flux-control-lora-canny",  # a field that is required now
        "2026-01-28/fal-ai__flux-pro__v1.1-ultra",  # a switch that is gone
        "2026-01-28/fal-ai__gpt-image-1-mini",  # longer prompts at least
        "2026-01-28/fal-ai__ltx-2__image-to-video",  # a field of one choice that is gone
        "2026-01-28/fal-ai__meshy__v6-preview__text-to-3d",  # one gone, many new
        "2026-01-28/fal-ai__minimax__speech-2.6-hd",  # a member that may not be empty
        "2026-01-28/fal-ai__pixverse__v5.6__transition",  # an end image that is required now
        "2026-01-28/fal-ai__wan-trainer__t2v",  # more steps at least
        "2026-06-05/fal-ai__cohere-transcribe",  # fewer tokens at most
        "2026-06-05/fal-ai__hyper3d__rodin__v2.5",  # fields gone, lists no longer taken
        "2026-06-05/ideogram__v4",  # a switch that is gone
    ),
    "result": (
        "2026-01-28/fal-ai__elevenlabs__speech-to-text__scribe-v2",  # times that may be missing
        "2026-01-28/fal-ai__flux-1__dev",  # another default of the acceleration
        "2026-01-28/fal-ai__longcat-single-avatar__audio-to-video",  # another default of the steps
        "2026-01-28/fal-ai__ltx-2-19b__text-to-video",  # a prompt rewriter that is on now
        "2026-01-28/fal-ai__sam-3__3d-objects",  # items that may be null
        "2026-06-05/fal-ai__fooocus",  # another order of the default styles
    ),
    "additive": (
        "2026-01-28/bria__video__increase-resolution",
        "2026-01-28/fal-ai__flux-2__klein__4b__base",
        "2026-01-28/fal-ai__meshy__v6-preview__image-to-3d",
        "2026-01-28/fal-ai__nano-banana-pro",
        "2026-01-28/fal-ai__pixverse__extend__fast",
        "2026-01-28/fal-ai__stable-audio-25__audio-to-audio",  # a number where it was a whole one
        "2026-01-28/fal-ai__veo2",
        "2026-01-28/fal-ai__veo3.1__fast__extend-video",
        "2026-01-28/openrouter__router__vision",  # more in the answer
        "2026-06-05/fal-ai__pixverse__v4__effects",  # more choices
    ),
    "cosmetic": (
        "2026-01-28/fal-ai__f5-tts",  # another description
        "2026-01-28/fal-ai__flux__dev",  # details of a file that may be null
        "2026-01-28/fal-ai__hunyuan3d__v2",  # a seed that may be null
        "2026-01-28/fal-ai__illusion-diffusion",
        "2026-01-28/fal-ai__kling-video__v1.5__pro__text-to-video",
        "2026-01-28/fal-ai__kokoro__italian",
        "2026-01-28/fal-ai__luma-dream-machine__ray-2__modify",  # what was optional may be null
        "2026-01-28/fal-ai__sa2va__8b__image",
        "2026-01-28/fal-ai__vidu__image-to-video",
    ),
    "fresh": (
        "2026-01-28/fal-ai__bagel__understand",
        "2026-01-28/fal-ai__elevenlabs__audio-isolation",
        "2026-01-28/fal-ai__moondream2__point-object-detection",
        "2026-01-28/fal-ai__wan-vace-14b__reframe",
    ),
}


@pytest.fixture(scope="session")
def pairs(corpus_folder: Path) -> dict[str, tuple[Any, Any]]:
    """Return each document that drifted, before and now, by date and name."""
    found = {}
    for old in sorted((corpus_folder / "drift").glob("*/*.json")):
        new = corpus_folder / "openapi" / old.name
        if new.exists():
            texts = (one.read_text(encoding="utf-8") for one in (old, new))
            before, now = map(json.loads, texts)
            found[f"{old.parent.name}/{old.stem}"] = before, now
    assert len(found) > 500
    return found


@pytest.fixture(scope="session")
def classified(pairs: Mapping[str, tuple[Any, Any]]) -> dict[str, tuple[Change, ...]]:
    return {name: changes(*map(_interface, both)) for name, both in pairs.items()}


def _interface(openapi: Any) -> Interface:
    model = parse(openapi_documents(openapi, "a document"))
    return Interface(model.input_schema if model.input_is_known else None, model.output_schema)


def test_every_pair_is_classified(classified: Mapping[str, tuple[Change, ...]]) -> None:
    gravest = Counter(found[0].kind if found else "fresh" for found in classified.values())
    assert set(gravest) == {*CLASSES, "fresh"}
    assert gravest.total() == len(classified)


@pytest.mark.parametrize("kind", JUDGED)
def test_what_was_judged_by_hand_is_classified_so(
    classified: Mapping[str, tuple[Change, ...]], kind: str
) -> None:
    told = {name: classified[name] for name in JUDGED[kind]}
    assert {
        name: found[0].kind if found else "fresh" for name, found in told.items()
    } == dict.fromkeys(told, kind)


def test_no_field_choice_or_requirement_that_another_look_finds_is_missed(
    pairs: Mapping[str, tuple[Any, Any]], classified: Mapping[str, tuple[Change, ...]]
) -> None:
    seen = Counter[str]()
    for name, (before, now) in pairs.items():
        expected = set(_plain_breaks(before, now))
        seen.update(kind for kind, _ in expected)
        told = {one.path for one in classified[name] if one.kind == "breaking"}
        missed = {path for _, path in expected} - told
        assert missed == set(), name
    assert seen["gone"] >= 20
    assert seen["required"] >= 4


def _plain_breaks(before: Any, now: Any) -> list[tuple[str, str]]:
    """Return what breaks at the top of an input, read from the platform's own schemas."""
    old, new = _fields(before), _fields(now)
    if old is None or new is None:
        return []
    found = [("gone", one) for one in old["properties"].keys() - new["properties"].keys()]
    more = set(new.get("required", ())) - set(old.get("required", ()))
    found += [("required", one) for one in more]
    for one in old["properties"].keys() & new["properties"].keys():
        choices = [_choices(each["properties"][one]) for each in (old, new)]
        if None not in choices and choices[0] - choices[1]:  # type: ignore[operator]
            found.append(("choice", one))
    return found


def _fields(openapi: Any) -> Any:
    model_id = openapi_documents(openapi, "a document").model_id
    post = openapi["paths"].get(f"/{model_id}", {}).get("post", {})
    body = post.get("requestBody", {}).get("content", {}).get("application/json", {})
    reference = body.get("schema", {}).get("$ref", "")
    schema = openapi["components"]["schemas"].get(reference.rpartition("/")[2], {})
    assert input_schema(openapi, model_id).known or "properties" not in schema
    return schema if "properties" in schema else None


def _choices(schema: Any) -> set[str] | None:
    """Return the choices of a field that takes nothing else, but perhaps null."""
    branches = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    if len(branches) != 1 or not branches[0].keys() & {"enum", "const"}:
        return None
    listed = branches[0].get("enum", [branches[0].get("const")])
    return {json.dumps(one) for one in listed}
