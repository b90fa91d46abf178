"""The line by which a skill is chosen: the task by names that the schema allows, always short."""

from collections.abc import Callable

import pytest

from falsmith.model import Model

TEXT = {"type": "string"}
LINK = {"type": "string", "format": "uri"}


def test_a_word_in_the_name_that_the_schema_denies_means_nothing(
    described: Callable[..., Model],
) -> None:
    model = described(
        "acme/lipsync", {"prompt": TEXT}, "prompt", "image", category="image-to-image"
    )

    assert model.purpose == "Make images from text"


@pytest.mark.parametrize("title", ["", "T" * 64])
@pytest.mark.parametrize("model_id", ["a/b", "acme/demo", "acme/" + "long-" * 11 + "name"])
@pytest.mark.parametrize("category", ["text-to-image", "vision", "unheard-of"])
def test_every_line_is_short_enough_and_names_the_model(
    title: str, model_id: str, category: str, described: Callable[..., Model]
) -> None:
    fields = {f"{word}_image_url": LINK for word in ("control", "depth", "pose", "style")}
    described_as = {"category": category, "display_name": title, "description": "Word " * 400}
    model = described(model_id, {"prompt": TEXT, **fields}, "", "image", **described_as)

    assert len(model.description) <= 250
    assert f"({model_id})" in model.description
    assert 25 <= len(model.short_description) <= 64
    assert model.display_name in model.short_description
