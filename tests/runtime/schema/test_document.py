"""Which values fit a self-contained schema."""

from typing import Any

import pytest

from fal_runtime.input.values import field_value
from fal_runtime.schema.document import SchemaDocument


@pytest.mark.parametrize(
    ("schema", "fitting", "other"),
    [
        ({"const": "auto"}, "auto", "other"),
        ({"const": 1}, 1, True),
        ({"exclusiveMinimum": 0}, 0.5, 0),
        ({"exclusiveMaximum": 1}, 0.5, 1),
        ({"minimum": 0, "maximum": 1}, 1, 2),
        ({"enum": ["a", 1]}, 1, True),
    ],
    ids=str,
)
def test_a_value_fits_by_constant_choice_and_both_kinds_of_limits(
    schema: dict[str, Any], fitting: Any, other: Any
) -> None:
    document = SchemaDocument({})
    for part in (schema, {"anyOf": [{"type": "null"}, schema]}):
        assert document.accepts(fitting, part)
        assert not document.accepts(other, part)


def test_a_text_is_read_as_the_branch_of_a_union_that_takes_it() -> None:
    document = SchemaDocument({})
    ratio = {"anyOf": [{"type": "number", "exclusiveMinimum": 5}, {"type": "string"}]}
    switch = {"anyOf": [{"type": "boolean", "const": True}, {"type": "string"}]}

    assert field_value(["5"], ratio, document) == "5"
    assert field_value(["6"], ratio, document) == 6
    assert field_value(["false"], switch, document) == "false"
