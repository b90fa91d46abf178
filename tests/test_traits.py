"""What a model's kind, its fields and the document's sentences mean for a caller."""

from typing import Any

import pytest

from falsmith.model import MISSING, Output, Parameter, Traits
from falsmith.traits import PURPOSES, purpose, traits


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


def test_a_purpose_begins_with_a_verb_and_an_unknown_category_has_one_too() -> None:
    assert purpose("text-to-image") == "Generate images from text"
    assert purpose("never-heard-of") == "Run a fal.ai model"
    assert all(text[0].isupper() and not text.endswith(".") for text in PURPOSES.values())


def told(
    *parameters: Parameter,
    model_id: str = "acme/demo",
    category: str = "text-to-image",
    outputs: tuple[Output, ...] = (),
    summaries: tuple[str, ...] = (),
    **metadata: Any,
) -> Traits:
    return traits(model_id, category, metadata, parameters, outputs=outputs, summaries=summaries)


@pytest.mark.parametrize(
    ("name", "default", "choices", "off"),
    [
        ("enable_prompt_expansion", True, (), False),
        ("expand_prompt", True, (), False),
        ("prompt_optimizer", True, (), False),
        ("enhance_prompt", "standard", ("standard", "off"), "off"),
        ("magic_prompt", "ON", ("AUTO", "ON", "OFF"), "OFF"),
    ],
)
def test_a_switch_that_rewrites_the_prompt_by_default_is_told_with_its_value_for_off(
    name: str, default: Any, choices: tuple[str, ...], off: Any
) -> None:
    found = told(parameter(name, default, choices=choices, choice_count=len(choices)))

    assert found.prompt_rewriters == {name: off}


def test_a_switch_rewrites_the_prompt_also_where_only_its_description_says_so() -> None:
    says = "Mends prompts that a check refuses by rewriting them."

    assert told(parameter("auto_fix", True, description=says)).prompt_rewriters == {
        "auto_fix": False
    }
    assert told(parameter("auto_fix", False, description=says)).prompt_rewriters == {}


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("enable_prompt_expansion", False),
        ("expand_prompt", 0),
        ("expand_prompt", None),
        ("expand_prompt", MISSING),
        ("magic_prompt", "OFF"),
        ("enhance_prompt", "standard"),
        ("prompt", "a cat"),
        ("negative_prompt", "blur"),
        ("prompt_strength", 0.5),
    ],
)
def test_a_switch_that_is_off_or_has_no_off_and_other_fields_are_no_rewriters(
    name: str, default: Any
) -> None:
    assert told(parameter(name, default)).prompt_rewriters == {}


@pytest.mark.parametrize(
    "description",
    [
        "How long the clip is. Clips of ten seconds cost double.",
        "The tier (pro is billed at twice the base rate).",
        "Adds a layer, which raises the price by half.",
        "480p counts as 0.5 billing units, 720p as 1.",
        "With colors, 5 credits more are taken.",
        "Extra polish ($0.05 a run).",
        "Fine presets (2x multiplier): oak, ash.",
        "Drafts take long and are charged as three runs.",
        "Better, but costlier.",
    ],
)
def test_a_field_of_which_the_document_says_that_it_costs_is_a_lever(description: str) -> None:
    found = told(parameter("finish", description=description))

    assert found.price_levers == ("finish",)
    assert found.price_hints == ()
    assert told(parameter("finish", description=description, deprecated=True)).price_levers == ()


@pytest.mark.parametrize(
    "description",
    [
        "With sound or without: the price is the same regardless.",
        "Read aloud in a mood; this does not affect billing.",
        "More frames at no extra cost.",
        "The cost isn't changed, whatever the price of the base.",
        "More steps give detail at the cost of speed.",
        "Skips steps at a small quality cost.",
        "Small and cost-efficient.",
        "A linear runtime cost.",
        "The multiplier of the noise.",
    ],
)
def test_what_makes_no_odds_or_costs_no_money_is_no_lever(description: str) -> None:
    found = told(parameter("finish", description=description))

    assert found.price_levers == ()
    assert not found.asks_first


@pytest.mark.parametrize(
    "name",
    [
        "resolution",
        "duration",
        "num_images",
        "image_size",
        "num_frames",
        "upscale_factor",
        "desired_increase",
        "num_images_per_size",
        "total_seconds",
        "extend_seconds_after",
        "texture_quality",
        "rendering_speed",
        "generate_audio",
    ],
)
def test_names_that_suggest_a_price_are_hints(name: str) -> None:
    assert told(parameter(name)).price_hints == (name,)
    assert told(parameter(name)).price_levers == ()
    assert told(parameter(name, deprecated=True)).price_hints == ()
    assert told(parameter(name, choices=("x",), choice_count=1)).price_hints == ()
    assert told(parameter(name, limits="1..1")).price_hints == ()
    assert told(parameter(name, description="It costs the same regardless.")).price_hints == ()


@pytest.mark.parametrize(
    "name", ["seed", "video_quality", "target_resolution", "my_duration", "steps", "quality"]
)
def test_names_that_suggest_no_price_are_left_out(name: str) -> None:
    assert told(parameter(name)).price_hints == ()


def test_quality_suggests_a_price_where_it_is_chosen_and_is_not_that_of_a_file() -> None:
    chosen = {"choices": ("low", "high"), "choice_count": 2}
    of_a_file = "How much the JPEG keeps."

    assert told(parameter("quality", **chosen)).price_hints == ("quality",)
    assert told(parameter("quality", **chosen, description=of_a_file)).price_hints == ()


def test_steps_suggest_the_price_of_a_training() -> None:
    fields = [parameter(name) for name in ("steps", "number_of_steps", "warmup_steps")]

    assert told(*fields, category="training").price_hints == ("steps", "number_of_steps")


@pytest.mark.parametrize("category", ["text-to-video", "image-to-3d", "training"])
def test_slow_kinds_are_shown_first(category: str) -> None:
    found = told(category=category)

    assert found.slow
    assert found.asks_first


def test_the_platforms_estimate_makes_a_model_slow_but_not_asked_first() -> None:
    found = told(duration_estimate=3)

    assert found.slow
    assert not found.asks_first


@pytest.mark.parametrize(
    "says",
    [
        "Charged by what is used: each token counts, so the price goes per token.",
        "Billed per second of output ($0.02/s).",
        "The length in seconds, also used for billing.",
    ],
)
def test_what_the_document_prices_by_use_is_asked_first_but_is_not_slow(says: str) -> None:
    for found in (told(summaries=(says,)), told(parameter("length", description=says))):
        assert found.priced_by_use
        assert found.asks_first
        assert not found.slow


def test_a_surcharge_of_one_option_is_no_price_by_use() -> None:
    says = "Adds 0.0025 credits to the price per request."

    assert not told(parameter("polish", description=says)).asks_first


@pytest.mark.parametrize(
    "metadata", [{}, {"duration_estimate": 0.1}, {"duration_estimate": "long"}, {"kind": 5}]
)
def test_everything_else_just_runs(metadata: dict[str, Any]) -> None:
    found = told(**metadata)

    assert not found.slow
    assert not found.asks_first


def test_the_platforms_kind_marks_a_training_of_any_category() -> None:
    assert told(kind="training").asks_first


@pytest.mark.parametrize(
    ("license_type", "is_for_research"),
    [
        ("research", True),
        ("non-commercial", True),
        ("commercial", False),
        (None, False),
        (7, False),
    ],
)
def test_a_licence_for_research_is_told(license_type: Any, is_for_research: bool) -> None:
    assert told(license_type=license_type).is_for_research is is_for_research


def test_a_training_names_the_models_that_take_its_weights() -> None:
    ids = ["acme/demo/lora", "no ID", 7, "Run: rm -rf ~"]

    assert told(category="training", inference_endpoint_ids=ids).inference_ids == (
        "acme/demo/lora",
    )
    assert told(category="training", inference_endpoint_ids="acme/demo").inference_ids == ()
    assert told(inference_endpoint_ids=ids).inference_ids == ()


@pytest.mark.parametrize(
    ("field", "category", "trained"),
    [
        (parameter("finetune_id"), "text-to-image", "finetune_id"),
        (parameter("loras", type="list of object"), "text-to-image", "loras"),
        (parameter("lora_path"), "image-to-video", "lora_path"),
        (parameter("camera_lora", choice_count=4), "text-to-video", ""),
        (parameter("loras"), "training", ""),
        (parameter("prompt"), "text-to-image", ""),
    ],
    ids=str,
)
def test_a_field_for_what_was_trained_names_the_trainings(
    field: Parameter, category: str, trained: str
) -> None:
    found = told(field, category=category, training_endpoint_ids=["acme/trainer", "no ID"])

    assert found.trained_field == trained
    assert found.training_ids == (("acme/trainer",) if trained else ())


@pytest.mark.parametrize(
    ("model_id", "channel"),
    [
        ("acme/demo/stream", "stream"),
        ("acme/demo/realtime", "realtime"),
        ("acme/demo/streamer", "queue"),
        ("acme/realtime/demo", "queue"),
    ],
)
def test_an_id_tells_how_its_endpoint_speaks(model_id: str, channel: str) -> None:
    assert told(model_id=model_id).channel == channel


def test_a_switch_that_rewrites_refused_prompts_alone_is_no_general_rewriter() -> None:
    says = "Fixes prompts that fail the content policy by rewriting them."
    found = told(parameter("auto_fix", True, description=says))

    assert found.prompt_rewriters == {}
    assert found.prompt_menders == {"auto_fix": False}


def test_what_the_answer_is_billed_by_is_a_price_by_use() -> None:
    length = Output("duration", "number", False, "Length of the video, used for billing.")
    found = told(category="image-to-image", outputs=(length,))

    assert found.billed_by == ("duration",)
    assert found.asks_first


def test_a_choice_that_is_said_to_be_cheaper_is_a_lever() -> None:
    says = "small: low latency, cost-efficient; large: highest quality"
    found = told(parameter("model", choices=("small", "large"), choice_count=2, description=says))

    assert found.price_levers == ("model",)


def test_a_number_that_is_always_one_in_a_stream_raises_no_price() -> None:
    images = parameter("num_images", 1, description="Always set to 1 for streaming output.")

    assert told(images, model_id="acme/demo/stream").price_hints == ()
    assert told(images, model_id="acme/demo").price_hints == ("num_images",)


def test_a_tool_that_cuts_and_joins_files_is_neither_slow_nor_dear() -> None:
    found = told(
        parameter("duration"),
        model_id="fal-ai/workflow-utilities/trim-video",
        category="video-to-video",
    )

    assert not (found.slow or found.asks_first or found.price_hints)


def test_of_a_training_without_weights_the_id_is_what_is_used() -> None:
    answer = (Output("style_id", "string", False, ""),)
    weights = (Output("lora_file", "file", True, ""), *answer)

    assert told(category="training", outputs=answer).trained_id == "style_id"
    assert not told(category="training", outputs=weights).trained_id


@pytest.mark.parametrize(
    ("summary", "remarks"),
    [
        (
            "Paints boats. A run at 1080p requires 8 seconds.",
            ("A run at 1080p requires 8 seconds.",),
        ),
        ("The model takes:\n- Pictures up to 7 MB each", ("Pictures up to 7 MB each",)),
        ("A song goes without clip_url only.", ("A song goes without clip_url only.",)),
        (
            "Any use must comply with the terms of Acme.",
            ("Any use must comply with the terms of Acme.",),
        ),
        ("Knows a face from 30-50 images of it.", ("Knows a face from 30-50 images of it.",)),
        ("This mode requires clip_url.", ()),
        ("Clips up to 9 MB each.", ()),
        ("'wide': the clip must be a landscape.", ()),
        ("'tall': the clip must be a portrait.", ("'tall': the clip must be a portrait.",)),
        ("Clips up to 8 MB each.", ()),
        (
            "Clip requirements:\n- Cannot have clip_url\n- Size: up to 7MB\n\nTips:\n"
            "- Cannot have clip_url",
            (
                "Clip requirements: Cannot have clip_url",
                "Clip requirements: Size: up to 7MB",
                "Cannot have clip_url",
            ),
        ),
        ("Billed per second of output ($0.03/s).", ("Billed per second of output.",)),
        ("Paints boats on calm water.", ()),
        ("At 1080p a second must be paid at a price of $2.", ()),
    ],
)
def test_sentences_on_the_whole_model_that_bind_are_remarks(
    summary: str, remarks: tuple[str, ...]
) -> None:
    clip = parameter("clip_url", limits="<= 8.0 MB", description="A clip of 9 MB at most.")

    shape = parameter("shape", choices=("wide",), choice_count=1)

    assert told(clip, shape, summaries=(summary,)).remarks == remarks


def test_of_a_model_without_a_schema_the_beginning_is_told() -> None:
    summary = "Speaks the usual interface. Takes each model of the house. Is fast."

    assert told(summaries=(summary,)).remarks == (
        "Speaks the usual interface.",
        "Takes each model of the house.",
    )


def test_choices_that_the_platform_gives_different_prices_are_a_lever() -> None:
    mode = parameter("mode", choices=("preview", "full"), choice_count=2)
    summary = "Modes:\n- preview: a shape (20 credits)\n- full: with texture (30 credits)"

    assert told(mode, summaries=(summary,)).price_levers == ("mode",)
    assert told(mode, summaries=("Costs 20 credits.",)).price_levers == ()


def test_a_remark_that_stands_with_the_input_is_not_told_twice() -> None:
    clip = parameter("clip_url")
    summary = "A song cannot go without clip_url. Only an order of clip_url counts."
    found = traits(
        "acme/demo", "llm", {}, [clip], summaries=(summary,), about_input="Give clip_url or text."
    )

    assert found.remarks == ("A song cannot go without clip_url.",)
