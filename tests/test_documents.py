"""JSON from outside: what is read, and the one error that each kind of broken text gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from falsmith.documents import (
    SIZE_LIMIT,
    Documents,
    Json,
    ListEntry,
    entry_documents,
    list_entries,
    load_json,
    openapi_documents,
)
from falsmith.errors import DocumentError

PATHS: dict[str, Json] = {"/acme/demo": {"post": {}}}


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'{"a": [1, 2.5, null]}', {"a": [1, 2.5, None]}),
        (b"\xef\xbb\xbf[]", []),
        ("\u98de".encode().join((b'"', b'"')), "\u98de"),
        (b"9223372036854775809", 9223372036854775809),
        (b"[" * 100 + b"]" * 100, None),
    ],
)
def test_json_is_read_exactly(data: bytes, value: Json) -> None:
    assert load_json(data, "x.json") == value or value is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b'{"a": 1', "the JSON is cut off: Expecting ',' delimiter at line 1, column 8"),
        (b'{\n"a": "x', "the JSON is cut off: Unterminated string starting at line 2, column 6"),
        (b'{"a" 1}', "it is not valid JSON: Expecting ':' delimiter at line 1, column 6"),
        (b"<html>", "it is not valid JSON: Expecting value at line 1, column 1"),
        (b"[NaN]", "NaN is no JSON number"),
        (b"[-Infinity]", "-Infinity is no JSON number"),
        (b"[1e400]", "1e400 is too large"),
        (b"[" + b"9" * 5000 + b"]", "of 5,000 digits, is too large"),
        (b'"\xff"', "byte 1 is not UTF-8"),
        (b"[" * 101 + b"]" * 101, "more than 100 levels"),
        (b"[" * 200_000, "more than 100 levels"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "more than 100 levels"),
        (b" " * (SIZE_LIMIT + 1), "it is larger than 32 MiB"),
        (b'{"paths": {}, "a": "' + b"x" * (4 << 20) + b'"}', "has at most 4 MiB"),
        (b"[" + b"[]," * 1_000_000 + b"0]", "more than 1,000,000 lists and objects"),
    ],
    ids=range(17),
)
def test_broken_json_gets_one_clear_error(data: bytes, reason: str) -> None:
    with pytest.raises(DocumentError) as caught:
        load_json(data, "x.json")
    assert caught.value.message.startswith("x.json cannot be used: ")
    assert reason in caught.value.message
    assert len(caught.value.message) < 200
    assert caught.value.exit_status == 2


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    try:
        load_json(data, "x.json")
    except DocumentError as error:
        assert error.message


def test_the_id_is_the_one_that_the_document_names() -> None:
    openapi = {"info": {"x-fal-metadata": {"endpointId": "acme/other"}}, "paths": PATHS}
    assert openapi_documents(openapi, "x.json") == Documents("acme/other", {}, openapi)


def test_without_a_named_id_the_only_posted_path_counts() -> None:
    paths = {**PATHS, "/acme/demo/requests/{request_id}": {"get": {}}, "/odd": 5}
    assert openapi_documents({"paths": paths}, "x.json").model_id == "acme/demo"


@pytest.mark.parametrize(
    ("openapi", "reason"),
    [
        ([], "it is a list, an OpenAPI document was expected"),
        (None, "it is null, an OpenAPI document was expected"),
        ({}, "it has no paths"),
        ({"paths": []}, "its paths is a list"),
        ({"info": 5, "paths": PATHS}, "its info is a number"),
        ({"info": {"x-fal-metadata": "a"}, "paths": PATHS}, "its info.x-fal-metadata is a text"),
        ({"paths": PATHS, "components": None}, "its components is null"),
        ({"paths": PATHS, "components": {"schemas": True}}, "components.schemas is a truth value"),
        ({"paths": {"/a/b": {"post": {}}, "/c/d": {"post": {}}}}, "it does not name its model"),
        ({"paths": {"/../x": {"post": {}}}}, "'../x' is no model ID"),
        ({"info": {"x-fal-metadata": {"endpointId": 7}}, "paths": PATHS}, "a number is no model"),
        (
            {"info": {"x-fal-metadata": {"endpointId": "a/\x1b[31m"}}, "paths": PATHS},
            r"'a/\x1b[31m' is no model ID",
        ),
        ({"error": {"type": "not_found", "message": "no such"}}, "an error, 'no such'"),
        ({"error": [1]}, "an error, [1]"),
    ],
)
def test_what_is_no_document_says_why(openapi: Json, reason: str) -> None:
    with pytest.raises(DocumentError) as caught:
        openapi_documents(openapi, "x.json")
    assert reason in caught.value.message


def test_a_page_and_its_bare_array_list_the_same_entries() -> None:
    models = [{"endpoint_id": "acme/demo", "metadata": {"kind": "inference"}}]
    expected = [ListEntry("acme/demo", {"kind": "inference"}, None)]
    assert list(list_entries({"models": models, "has_more": False}, "x.json")) == expected
    assert list(list_entries(models, "x.json")) == expected


def test_a_malformed_entry_is_an_error_in_its_place() -> None:
    page = [
        5,
        {"endpoint_id": None},
        {"endpoint_id": "a/b", "metadata": "x"},
        {"endpoint_id": "a/c"},
    ]
    found = list(list_entries(page, "x.json"))
    errors = [item for item in found if isinstance(item, DocumentError)]
    reasons = [error.message for error in errors]
    assert [error.model_id for error in errors] == ["", "", "a/b"]
    assert reasons == [
        "x.json, model 1, cannot be used: it is a number, an object was expected.",
        "x.json, model 2, cannot be used: it does not name its model.",
        "x.json, model 3, cannot be used: the metadata of a/b is a text, an object was expected.",
    ]
    assert found[3] == ListEntry("a/c", {}, None)


@pytest.mark.parametrize("page", [5, None, "x", {"models": {}}, {}])
def test_what_is_no_list_says_so(page: Json) -> None:
    with pytest.raises(DocumentError, match="it holds no list of models"):
        list(list_entries(page, "x.json"))


def test_an_entry_carries_its_document_and_metadata() -> None:
    entry = ListEntry("acme/demo", {"kind": "inference"}, {"paths": PATHS})
    assert entry.has_document
    expected = Documents("acme/demo", {"kind": "inference"}, {"paths": PATHS})
    assert entry_documents(entry, "x.json") == expected


@pytest.mark.parametrize(
    ("openapi", "reason"),
    [
        (None, "ask for it with expand=openapi-3.0"),
        ({"error": {"code": "expansion_failed", "message": "Failed"}}, "an error, 'Failed'"),
        ("text", "it is a text"),
    ],
)
def test_an_entry_without_a_document_is_named(openapi: Json, reason: str) -> None:
    entry = ListEntry("acme/demo", {}, openapi)
    assert not entry.has_document
    with pytest.raises(DocumentError, match=r"x\.json: acme/demo cannot be used") as caught:
        entry_documents(entry, "x.json")
    assert reason in caught.value.message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "openapi",
                    "info",
                    "x-fal-metadata",
                    "endpointId",
                    "paths",
                    "/a/b",
                    "post",
                    "error",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_no_json_value_crashes_what_looks_for_a_document(value: Json) -> None:
    for read in (openapi_documents, lambda page, origin: list(list_entries(page, origin))):
        try:
            read(value, "x.json")
        except DocumentError as error:
            assert error.message.startswith("x.json")


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e400", "9" * 400])
@pytest.mark.parametrize("page", ['{"models": [%s], "next_cursor": "x"}', "[%s]"])
def test_a_number_that_is_none_loses_its_entry_and_no_other(number: str, page: str) -> None:
    entries = (
        '{"endpoint_id": "acme/a"}',
        f'{{"endpoint_id": "acme/b", "metadata": {{"x": [1, {number}]}}}}',
        '{"endpoint_id": "acme/c", "metadata": {"x": 1.5}}',
    )
    first, broken, last = list_entries(
        load_json((page % ", ".join(entries)).encode(), "page.json"), "page.json"
    )
    assert first == ListEntry("acme/a", {}, None)
    assert last == ListEntry("acme/c", {"x": 1.5}, None)
    assert isinstance(broken, DocumentError)
    assert broken.model_id == "acme/b"
    assert f"page.json, model 2, cannot be used: {number[:20]}" in broken.message
    assert len(broken.message) < 200


@pytest.mark.parametrize(
    "page",
    [
        b'{"models": [], "next_cursor": NaN}',
        b'{"models": [{"endpoint_id": NaN}]}',
        b'{"models": [NaN]}',
        b'{"endpoint_id": "acme/a", "x": NaN}',
    ],
)
def test_a_number_that_is_none_elsewhere_loses_the_whole(page: bytes) -> None:
    with pytest.raises(DocumentError, match="NaN is no JSON number"):
        load_json(page, "page.json")
