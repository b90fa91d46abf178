"""Saved documents as a source: files, list pages, folders, and every way they can be broken."""

import json
import os
import tracemalloc
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from falsmith.catalog.saved import DocumentFile, SavedSource
from falsmith.documents import Documents
from falsmith.errors import DocumentError, ModelNotFoundError


def document(model_id: str, **info: Any) -> dict[str, Any]:
    return {
        "openapi": "3.0.4",
        "info": {"x-fal-metadata": {"endpointId": model_id, **info}},
        "paths": {f"/{model_id}": {"post": {}}},
    }


def entry(model_id: str, openapi: Any = None, **metadata: Any) -> dict[str, Any]:
    listed = {"endpoint_id": model_id, "metadata": metadata}
    return listed if openapi is None else {**listed, "openapi": openapi}


def save(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def outcomes(path: Path) -> tuple[list[str], list[str]]:
    found = list(SavedSource(path).all())
    ids = [item.model_id for item in found if isinstance(item, Documents)]
    return ids, [item.message for item in found if isinstance(item, DocumentError)]


def test_one_file_is_one_model(tmp_path: Path) -> None:
    source = SavedSource(save(tmp_path / "any name.json", document("acme/demo")))
    assert source.ids() == ("acme/demo",)
    assert source.documents("acme/demo") == Documents("acme/demo", {}, document("acme/demo"))
    assert [*source.all()] == [source.documents("acme/demo")]


def test_a_list_page_holds_several_models_with_their_metadata(tmp_path: Path) -> None:
    models = [entry(name, document(name), kind="inference") for name in ("acme/b", "acme/a")]
    source = SavedSource(save(tmp_path / "page.json", {"models": models, "next_cursor": None}))
    assert source.ids() == ("acme/a", "acme/b")
    assert source.documents("acme/a").metadata == {"kind": "inference"}
    assert len([*source.all()]) == 2


def test_a_folder_mixes_documents_and_pages_and_ignores_the_rest(tmp_path: Path) -> None:
    save(tmp_path / "a.json", document("acme/a"))
    save(tmp_path / "page.json", [entry("acme/b", document("acme/b"))])
    save(tmp_path / ".hidden.json", 5)
    save(tmp_path / "deeper" / "c.json", document("acme/c"))
    (tmp_path / "notes.txt").write_text("no JSON")
    (tmp_path / "folder.json").mkdir()
    assert outcomes(tmp_path) == (["acme/a", "acme/b"], [])


def test_the_list_beside_documents_supplies_their_metadata(tmp_path: Path) -> None:
    save(tmp_path / "openapi" / "acme__a.json", document("acme/a"))
    save(tmp_path / "openapi" / "acme__b.json", document("acme/b"))
    save(tmp_path / "models.json", [entry("acme/a", display_name="A")])
    save(tmp_path / "index.json", [{"endpoint_id": "acme/a", "sha256": "0"}])
    source = SavedSource(tmp_path)
    assert outcomes(tmp_path) == (["acme/a", "acme/b"], [])
    assert source.documents("acme/a").metadata == {"display_name": "A"}
    assert source.documents("acme/b").metadata == {}
    assert [item.metadata for item in source.all() if isinstance(item, Documents)] == [
        {"display_name": "A"},
        {},
    ]


def test_a_listed_model_without_a_document_is_an_error_that_names_it(tmp_path: Path) -> None:
    failed = {"error": {"code": "expansion_failed", "message": "Failed to fetch"}}
    save(tmp_path / "openapi" / "acme__a.json", document("acme/a"))
    save(tmp_path / "models.json", [entry("acme/a", failed, kind="x"), entry("acme/c", failed)])
    ids, errors = outcomes(tmp_path)
    assert ids == ["acme/a"]
    [message] = errors
    assert "acme/c cannot be used" in message
    assert "Failed to fetch" in message
    source = SavedSource(tmp_path)
    assert source.documents("acme/a").metadata == {"kind": "x"}
    with pytest.raises(DocumentError, match="Failed to fetch"):
        source.documents("acme/c")


def test_documents_inside_the_list_of_a_folder_are_found_too(tmp_path: Path) -> None:
    save(tmp_path / "models.json", {"models": [entry("acme/a", document("acme/a"), kind="x")]})
    assert outcomes(tmp_path) == (["acme/a"], [])
    assert SavedSource(tmp_path).documents("acme/a").metadata == {"kind": "x"}


def test_a_broken_file_stops_nothing_and_is_named(tmp_path: Path) -> None:
    save(tmp_path / "a.json", document("acme/a"))
    (tmp_path / "acme__b.json").write_text('{"info": {"x-fal')
    (tmp_path / "c.json").write_bytes(b"\xff\xfe")
    (tmp_path / "d.json").symlink_to(tmp_path / "gone.json")
    (tmp_path / "models.json").write_text("[")
    save(tmp_path / "z.json", document("acme/z"))
    ids, errors = outcomes(tmp_path)
    assert ids == ["acme/a", "acme/z"]
    names = ("acme__b.json", "c.json", "d.json", "models.json")
    assert len(errors) == 4
    assert all(str(tmp_path / name) in message for name, message in zip(names, errors, strict=True))
    assert all("https://fal.ai/api/openapi/queue" in message for message in errors)


def test_asking_for_a_model_whose_file_is_broken_says_how(tmp_path: Path) -> None:
    save(tmp_path / "a.json", document("acme/a"))
    (tmp_path / "acme__b.json").write_text('{"info": {"x-fal')
    with pytest.raises(DocumentError, match="the JSON is cut off"):
        SavedSource(tmp_path).documents("acme/b")


def test_asking_for_an_unknown_model_names_close_ones(tmp_path: Path) -> None:
    save(tmp_path / "a.json", document("acme/demo/fast"))
    save(tmp_path / "b.json", 5)
    with pytest.raises(ModelNotFoundError) as caught:
        SavedSource(tmp_path).documents("acme/demo/fats")
    assert "has no document of acme/demo/fats. Close to it: acme/demo/fast." in str(caught.value)
    assert "1 of its documents cannot be used" in str(caught.value)


def test_two_documents_of_one_model_are_an_error_that_names_both(tmp_path: Path) -> None:
    first = save(tmp_path / "a.json", document("acme/a"))
    second = save(tmp_path / "b.json", document("acme/a"))
    ids, errors = outcomes(tmp_path)
    assert ids == ["acme/a"]
    assert [f"{first} and {second}" in message for message in errors] == [True]
    with pytest.raises(DocumentError, match="acme/a has two documents"):
        SavedSource(tmp_path).documents("acme/a")


def test_a_document_and_a_list_entry_of_one_model_are_two_documents(tmp_path: Path) -> None:
    save(tmp_path / "a.json", document("acme/a"))
    save(tmp_path / "models.json", [entry("acme/a", document("acme/a"))])
    ids, errors = outcomes(tmp_path)
    assert (ids, len(errors)) == (["acme/a"], 1)
    assert "models.json" in errors[0]


def test_a_path_that_does_not_exist_says_so(tmp_path: Path) -> None:
    source = SavedSource(tmp_path / "gone")
    for read in (source.ids, lambda: source.documents("a/b"), lambda: [*source.all()]):
        with pytest.raises(DocumentError, match="gone cannot be read: No such file") as caught:
            read()
        assert "Name a file or folder of saved documents" in str(caught.value)


@pytest.mark.parametrize("content", [None, [], {"models": []}])
def test_a_source_without_any_document_says_what_to_save(tmp_path: Path, content: Any) -> None:
    if content is not None:
        save(tmp_path / "page.json", content)
    with pytest.raises(DocumentError, match="holds no model document") as caught:
        list(SavedSource(tmp_path).all())
    assert "expand=openapi-3.0" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"null", "it is null"),
        (b"[5]", "model 1, cannot be used: it is a number"),
        (b'{"info": 5, "paths": {"/a/b": {"post": {}}}}', "its info is a number"),
        (b'{"paths": []}', "its paths is a list"),
        (b'{"models": 5}', "it holds no list of models"),
        (b"\xff", "not UTF-8"),
        (b"[" * 50_000, "more than 100 levels"),
        (b'[{"endpoint_id": "../../etc/passwd"}]', "is no model ID"),
    ],
)
def test_one_hostile_file_is_one_error(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    ids, errors = outcomes(path)
    assert ids == []
    [message] = errors
    assert reason in message
    assert str(path) in message


def test_a_huge_file_is_refused_without_being_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "huge.json"
    with path.open("wb") as stream:
        os.truncate(stream.fileno(), 10 * 1024**3)
    _, errors = outcomes(path)
    assert ["larger than 32 MiB" in message for message in errors] == [True]


def test_an_unreadable_file_is_an_error(tmp_path: Path) -> None:
    save(tmp_path / "a.json", document("acme/a"))
    (tmp_path / "b.json").symlink_to(tmp_path / "b.json")
    ids, errors = outcomes(tmp_path)
    assert ids == ["acme/a"]
    assert ["cannot be read" in message for message in errors] == [True]


def test_memory_does_not_grow_with_the_number_of_documents(tmp_path: Path) -> None:
    for number in range(30):
        name = f"acme/m{number}"
        save(tmp_path / f"{number}.json", {**document(name), "padding": ["x" * 9] * 20_000})
    tracemalloc.start()
    try:
        count = sum(1 for _ in SavedSource(tmp_path).all())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 30
    assert peak < 15 * (tmp_path / "1.json").stat().st_size


def test_each_file_is_read_once_and_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("c", "a", "b"):
        save(tmp_path / f"{name}.json", document(f"acme/{name}"))
    walk = SavedSource(tmp_path).all()
    first = next(walk)
    (tmp_path / "b.json").unlink()
    rest = list(walk)
    assert isinstance(first, Documents)
    assert first.model_id == "acme/a"
    assert [type(item) for item in rest] == [DocumentError, Documents]


def unread(path: Path) -> list[str]:
    return [one.model_id for one in SavedSource(path).files() if isinstance(one, DocumentFile)]


def test_a_document_that_begins_with_its_model_id_is_read_where_it_is_needed(
    tmp_path: Path,
) -> None:
    save(tmp_path / "openapi" / "a.json", document("acme/a"))
    save(tmp_path / "models.json", [entry("acme/a", kind="inference")])
    (one,) = SavedSource(tmp_path).files()
    assert isinstance(one, DocumentFile)
    assert one.read() == Documents("acme/a", {"kind": "inference"}, document("acme/a"))


def test_a_file_of_another_shape_is_read_at_once(tmp_path: Path) -> None:
    save(tmp_path / "page.json", [entry("acme/a", document("acme/a"))])
    untold = document("acme/b") | {"info": {}, "note": {"endpointId": "acme/c"}}
    save(tmp_path / "untold.json", untold)
    save(tmp_path / "escaped.json", document("acme/\u00e4"))
    assert unread(tmp_path) == []
    assert sorted(outcomes(tmp_path)[0]) == ["acme/a", "acme/b"]


def test_a_file_that_changes_before_it_is_read_is_an_error(tmp_path: Path) -> None:
    file = save(tmp_path / "a.json", document("acme/a"))
    (one,) = SavedSource(tmp_path).files()
    assert isinstance(one, DocumentFile)
    save(file, document("acme/b"))
    with pytest.raises(DocumentError, match="was changed while it was read") as caught:
        one.read()
    assert caught.value.model_id == "acme/a"


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)
    writer = Thread(target=lambda: pipe.write_text(json.dumps(document("acme/a"))))
    writer.start()
    assert outcomes(pipe) == (["acme/a"], [])
    writer.join()


def test_a_pipe_in_a_folder_is_not_waited_for(tmp_path: Path) -> None:
    save(tmp_path / "a.json", document("acme/a"))
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "b.json").symlink_to(tmp_path / "pipe")
    assert outcomes(tmp_path) == (["acme/a"], [])
