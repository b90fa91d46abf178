"""Sources of models: what each says of a model that it does not have."""

import pytest

from falsmith.errors import ModelNotFoundError
from falsmith.sources import Bundled


def test_a_model_that_is_not_bundled_is_to_be_had_from_the_live_platform() -> None:
    with pytest.raises(ModelNotFoundError) as caught:
        Bundled().documents("acme/unknown")

    assert "--source live" in caught.value.message
    assert "--offline" not in caught.value.message
