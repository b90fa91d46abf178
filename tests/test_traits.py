"""What a category and the names of fields mean for a caller."""

from typing import Any

import pytest

from falsmith.model import MISSING, Parameter
from falsmith.traits import traits


def parameter(name: str, default: Any = MISSING, **changes: Any) -> Parameter:
    told: dict[str, Any] = {
        "type": "string",
        "required": False,
        "choices": (),
        "choice_count": 0,
        "limits": "",
        "file_kind": None,
        "description": "",
        "deprecated": False,
    }
    return Parameter(name=name, default=default, **(told | changes))


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("enable_prompt_expansion", True),
        ("expand_prompt", True),
        ("prompt_optimizer", True),
        ("enhance_prompt", "standard"),
        ("magic_prompt", "ON"),
        ("upsample_prompt", 1),
    ],
)
def test_a_switch_that_rewrites_the_prompt_by_default_is_recognised(
    name: str, default: Any
) -> None:
    assert traits("", {}, [parameter(name, default)]).prompt_rewriters == (name,)


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("enable_prompt_expansion", False),
        ("expand_prompt", 0),
        ("expand_prompt", None),
        ("expand_prompt", MISSING),
        ("magic_prompt", "OFF"),
        ("prompt", "a cat"),
        ("negative_prompt", "blur"),
        ("prompt_strength", 0.5),
    ],
)
def test_a_switch_that_is_off_and_other_fields_are_no_rewriters(name: str, default: Any) -> None:
    assert traits("", {}, [parameter(name, default)]).prompt_rewriters == ()


@pytest.mark.parametrize(
    "name",
    [
        "resolution",
        "quality",
        "duration",
        "num_images",
        "image_size",
        "num_frames",
        "upscale_factor",
        "rendering_speed",
        "generate_audio",
    ],
)
def test_fields_that_change_the_price_are_recognised(name: str) -> None:
    assert traits("", {}, [parameter(name)]).price_levers == (name,)
    assert traits("", {}, [parameter(name, deprecated=True)]).price_levers == ()


@pytest.mark.parametrize(
    "name", ["seed", "video_quality", "target_resolution", "my_duration", "steps"]
)
def test_fields_that_do_not_change_the_price_are_left_out(name: str) -> None:
    assert traits("text-to-image", {}, [parameter(name)]).price_levers == ()


def test_steps_change_the_price_of_a_training() -> None:
    assert traits("training", {}, [parameter("steps")]).price_levers == ("steps",)


@pytest.mark.parametrize("category", ["text-to-video", "image-to-3d", "training"])
def test_slow_kinds_are_shown_first(category: str) -> None:
    found = traits(category, {}, ())

    assert found.slow
    assert found.asks_first


def test_the_platforms_estimate_makes_a_model_slow_but_not_asked_first() -> None:
    found = traits("text-to-image", {"duration_estimate": 3}, ())

    assert found.slow
    assert not found.asks_first


@pytest.mark.parametrize(
    "metadata", [{}, {"duration_estimate": 0.1}, {"duration_estimate": "long"}, {"kind": 5}]
)
def test_everything_else_just_runs(metadata: dict[str, Any]) -> None:
    found = traits("text-to-image", metadata, ())

    assert not found.slow
    assert not found.asks_first


def test_the_platforms_kind_marks_a_training_of_any_category() -> None:
    assert traits("text-to-image", {"kind": "training"}, ()).asks_first
