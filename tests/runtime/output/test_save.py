"""The files of a result on this machine: which are saved, as what, and what costs no other."""

import base64
import hashlib
import json
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from fal_runtime.config import load_config
from fal_runtime.errors import FalError
from fal_runtime.input.options import CallOptions
from fal_runtime.jobs.commands import job_result
from fal_runtime.output.files import ResultFile
from fal_runtime.output.folder import open_output_folder
from fal_runtime.output.result import CallResult, SavedFile
from fal_runtime.output.save import Naming, in_a_file, save_files, save_result
from fal_runtime.paths import safe_name

if TYPE_CHECKING:
    from tests.runtime.conftest import Fal

CDN = "https://cdn.example"
MEGABYTE = 1 << 20


def image(name: str = "a.png", field: str = "images[0]") -> ResultFile:
    return ResultFile(field, "image", f"{CDN}/{name}")


def save(
    fal: "Fal", *files: ResultFile, wanted: str | None = None, stamp: str | None = None
) -> tuple[tuple[SavedFile, ...], tuple[str, ...]]:
    folder = open_output_folder(fal.options.output, wanted)
    return save_files(fal.connection, files, folder, Naming("req-1", stamp))[:2]


def names(fal: "Fal", *files: ResultFile, **naming: str) -> list[str]:
    saved, lost = save(fal, *files, **naming)
    assert lost == ()
    return [str(file.path.relative_to(fal.options.output.resolve())) for file in saved]


def png(width: int, height: int) -> bytes:
    """Return the beginning of a picture."""
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIB", 13, b"IHDR", width, height, 8)


def serve(fal: "Fal", name: str, content: bytes, content_type: str = "image/png") -> None:
    headers = {"content-type": content_type}
    fal.script.on(f"GET {CDN}/{name}", httpx.Response(200, headers=headers, content=content))


def test_digest_and_size_are_those_of_the_bytes(fal: "Fal") -> None:
    serve(fal, "a.png", b"bytes")
    ((file,), lost) = save(fal, image())
    assert lost == ()
    assert (file.size, file.sha256) == (5, hashlib.sha256(b"bytes").hexdigest())
    assert (file.content_type, file.url) == ("image/png", f"{CDN}/a.png")


def test_names_hold_field_and_request(fal: "Fal") -> None:
    for number in range(3):
        serve(fal, f"{number}.png", bytes([number]))
    files = [image("0.png"), image("1.png", "images[1]"), image("2.png", "model.mask")]
    assert names(fal, *files) == [
        "images_req-1_1.png",
        "images_req-1_2.png",
        "model_mask_req-1.png",
    ]


def test_files_of_an_earlier_run_are_neither_doubled_nor_overwritten(fal: "Fal") -> None:
    serve(fal, "a.png", b"one")
    assert names(fal, image()) == ["images_req-1.png"]
    assert names(fal, image()) == ["images_req-1.png"]
    serve(fal, "a.png", b"two")
    assert names(fal, image()) == ["images_req-1_2.png"]
    assert (fal.options.output / "images_req-1.png").read_bytes() == b"one"


def test_equal_files_of_one_result_are_both_saved(fal: "Fal") -> None:
    serve(fal, "a.png", b"same")
    serve(fal, "b.png", b"same")
    assert len(set(names(fal, image("a.png"), image("b.png", "images[1]")))) == 2


def test_wanted_name_is_used_then_numbered(fal: "Fal") -> None:
    serve(fal, "a.png", b"a")
    serve(fal, "b.png", b"b")
    files = [image("a.png"), image("b.png", "images[1]")]
    assert names(fal, *files, wanted="sub/cat.png") == ["sub/cat.png", "sub/cat_2.png"]
    assert names(fal, *files, wanted="dog") == ["dog.png", "dog_2.png"]


def test_automatic_names_carry_request_and_time(fal: "Fal") -> None:
    serve(fal, "a.png", b"a")
    serve(fal, "b.png", b"b")
    stamp = "20260102T030405Z"
    files = [image("a.png"), image("b.png", "images[1]")]
    assert names(fal, *files, stamp=stamp) == [f"req-1_{stamp}.png", f"req-1_{stamp}_2.png"]


@pytest.mark.parametrize("field", ["../../x", "a/b", "CON", ".hidden", "\x00\n", "é" * 300, ""])
def test_field_of_any_text_gives_a_safe_name(fal: "Fal", field: str) -> None:
    serve(fal, "a.png", b"a")
    ((file,), _) = save(fal, image(field=field))
    assert file.path.parent == fal.options.output.resolve()
    assert file.path.name.isascii()
    assert not file.path.name.startswith(".")
    assert len(file.path.name) < 130


@pytest.mark.parametrize("text", ["con", "NUL.txt", "com1", "...", "", "-", "a\\b", "a:b"])
def test_safe_name_is_one_that_every_system_takes(text: str) -> None:
    name = safe_name(text)
    assert name
    assert not {"/", "\\", ":"} & set(name)
    assert name.lower().partition(".")[0] not in ("con", "nul", "com1", "")


def test_link_in_the_output_folder_is_not_followed(fal: "Fal", tmp_path: Path) -> None:
    outside = tmp_path / "precious.png"
    outside.write_bytes(b"precious")
    fal.options.output.mkdir()
    (fal.options.output / "images_req-1.png").symlink_to(outside)
    serve(fal, "a.png", b"precious")
    assert names(fal, image()) == ["images_req-1_2.png"]
    assert outside.read_bytes() == b"precious"


def test_file_system_without_hard_links_overwrites_nothing_either(
    fal: "Fal", monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", unsupported)
    serve(fal, "a.png", b"one")
    assert names(fal, image()) == ["images_req-1.png"]
    serve(fal, "a.png", b"two")
    assert names(fal, image()) == ["images_req-1_2.png"]
    found = {path.name: path.read_bytes() for path in fal.options.output.iterdir()}
    assert found == {"images_req-1.png": b"one", "images_req-1_2.png": b"two"}


def test_wanted_folder_that_leads_out_is_refused(fal: "Fal", tmp_path: Path) -> None:
    fal.options.output.mkdir()
    (fal.options.output / "sub").symlink_to(tmp_path)
    with pytest.raises(FalError) as caught:
        open_output_folder(fal.options.output, "sub/x.png")
    assert caught.value.exit_status == 9


def test_file_above_the_limit_is_refused_declared_or_not(fal: "Fal") -> None:
    fal.config = load_config(None, {"FAL_QUEUE_MAX_DOWNLOAD_MB": "1"})
    serve(fal, "a.png", b"0" * (MEGABYTE + 1))
    chunks = httpx.Response(200, content=iter([b"0" * MEGABYTE, b"0"]))
    fal.script.on(f"GET {CDN}/b.png", lambda _: chunks)
    serve(fal, "c.png", b"0" * MEGABYTE)
    saved, lost = save(fal, image("a.png"), image("b.png", "x"), image("c.png", "y"))
    assert [file.field for file in saved] == ["y"]
    assert all("max_download_mb" in line for line in lost)
    assert len(lost) == 2
    assert len(list(fal.options.output.iterdir())) == 1


def test_redirect_is_followed_without_credentials(fal: "Fal") -> None:
    moved = httpx.Response(302, headers={"location": "/b.png"})
    fal.script.on(f"GET {CDN}/a.png", moved)
    serve(fal, "b.png", b"b")
    ((file,), _) = save(fal, image())
    assert file.path.read_bytes() == b"b"
    assert not any("authorization" in request.headers for request in fal.script.requests)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://x/y", "https://u:p@h/", "//"])
def test_redirect_to_anything_else_is_refused(fal: "Fal", target: str) -> None:
    fal.script.on(f"GET {CDN}/a.png", httpx.Response(302, headers={"location": target}))
    saved, lost = save(fal, image())
    assert saved == ()
    assert len(lost) == 1


PRIVATE = [
    "http://169.254.169.254/latest/meta-data/iam",
    "http://localhost:9/a.png",
    "http://a.localhost./a.png",
    "http://127.1/a.png",
    "http://2852039166/a.png",
    "http://[::1]/a.png",
    "http://[::ffff:169.254.169.254]/a.png",
    "http://[fe80::1]/a.png",
    "https://10.0.0.1/a.png",
    "https://192.168.1.1./a.png",
    "http://0/a.png",
]


@pytest.mark.parametrize("link", PRIVATE)
def test_no_link_leads_into_this_machine_or_its_network(fal: "Fal", link: str) -> None:
    fal.script.on(f"GET {CDN}/a.png", httpx.Response(302, headers={"location": link}))
    saved, lost = save(fal, image(), ResultFile("images[1]", "image", link))
    assert (saved, len(fal.script.requests)) == ((), 1)
    assert all("into this machine or its network" in line for line in lost)
    assert len(lost) == 2


def test_a_fal_on_this_machine_may_lead_to_its_files(fal: "Fal") -> None:
    fal.config = load_config(None, {"FAL_KEY": "k", "FAL_QUEUE_URL": "http://localhost:9"})
    fal.script.on("GET http://127.0.0.1:9/a.png", httpx.Response(200, content=b"a"))
    ((file,), _) = save(fal, ResultFile("image", "image", "http://127.0.0.1:9/a.png"))
    assert file.path.read_bytes() == b"a"


def test_endless_redirect_ends(fal: "Fal") -> None:
    fal.script.on(f"GET {CDN}/a.png", httpx.Response(302, headers={"location": "/a.png"}))
    _, lost = save(fal, image())
    assert "without end" in lost[0]


def test_passing_trouble_is_tried_again(fal: "Fal") -> None:
    ok = httpx.Response(200, content=b"a")
    fal.script.on(f"GET {CDN}/a.png", httpx.Response(503), httpx.ReadError("gone"), ok)
    ((file,), _) = save(fal, image())
    assert file.path.read_bytes() == b"a"


def test_web_page_instead_of_a_picture_is_no_file(fal: "Fal") -> None:
    serve(fal, "a.png", b"<html>", "text/html")
    saved, lost = save(fal, image())
    assert saved == ()
    assert "web page" in lost[0]


@pytest.mark.parametrize(
    ("uri", "content", "extension"),
    [
        ("data:image/png;base64," + base64.b64encode(b"x").decode(), b"x", "png"),
        ("data:text/plain,a%20b", b"a b", "txt"),
        ("data:,hello", b"hello", "txt"),
        ("data:audio/wav;rate=1;base64,eA==", b"x", "wav"),
    ],
)
def test_embedded_data_becomes_a_file(fal: "Fal", uri: str, content: bytes, extension: str) -> None:
    ((file,), _) = save(fal, ResultFile("out", "file", uri))
    assert file.path.read_bytes() == content
    assert file.path.suffix == f".{extension}"
    assert file.url is None


def test_broken_embedded_data_costs_no_other_file(fal: "Fal") -> None:
    broken = ResultFile("a", "image", "data:image/png;base64,A")
    saved, lost = save(fal, broken, ResultFile("b", "image", "data:image/png;base64,AAAA"))
    assert len(saved) == len(lost) == 1


@pytest.mark.parametrize(
    ("content", "named", "sent_as", "expected"),
    [
        (png(640, 360), "a", "application/octet-stream", (".png", "image", 640, 360)),
        (png(640, 360), "a.jpg", "image/jpeg", (".png", "image", 640, 360)),
        (b"no picture", "a.jpg", "image/jpeg", (".jpg", "image", None, None)),
        (b"RIFF\x00\x00\x00\x00WAVE", "a", "", (".bin", "file", None, None)),
    ],
    ids=["vague", "wrong", "unread", "broken"],
)
def test_a_file_is_what_its_own_headers_say(
    fal: "Fal", content: bytes, named: str, sent_as: str, expected: tuple[object, ...]
) -> None:
    serve(fal, named, content, sent_as)
    ((file,), _) = save(fal, ResultFile("out", "file", f"{CDN}/{named}"))
    assert (file.path.suffix, file.kind, file.width, file.height) == expected


def test_measured_sizes_beat_those_that_the_result_claims(fal: "Fal") -> None:
    serve(fal, "a.png", png(640, 360))
    claims = replace(image(), width=1, height=1, duration=2.0)
    ((file,), _) = save(fal, claims)
    assert (file.width, file.height, file.duration) == (640, 360, 2.0)


def test_every_field_that_has_one_link_is_named_and_the_file_saved_once(fal: "Fal") -> None:
    serve(fal, "a.png", b"a")
    body = {"image": {"url": f"{CDN}/a.png"}, "images": [{"url": f"{CDN}/a.png"}], "x": "y"}
    folder = open_output_folder(fal.options.output)
    naming = Naming("req-1")
    saved = save_result(fal.connection, folder, naming, json.dumps(body).encode())
    assert [(file.field, file.same_as) for file in saved.files] == [
        ("image", None),
        ("images[0]", "image"),
    ]
    assert len({file.path for file in saved.files}) == len(fal.script.requests) == 1
    shown = CallResult("COMPLETED", "acme/demo", files=saved.files).as_json()
    assert len(shown["saved_paths"]) == 1
    assert [file.get("same_as") for file in shown["files"]] == [None, "image"]


def test_an_empty_picture_is_lost_and_an_empty_text_is_said(fal: "Fal") -> None:
    serve(fal, "a.png", b"")
    serve(fal, "a.srt", b"", "text/plain")
    empty = ResultFile("inline", "image", "data:image/png;base64,")
    subtitles = ResultFile("subtitles", "file", f"{CDN}/a.srt")
    ((file,), lost) = save(fal, image(), empty, subtitles)
    assert (file.field, file.size) == ("subtitles", 0)
    assert [line.partition(" is ")[2] for line in lost] == ["empty (0 bytes)"] * 2
    assert "empty (0 bytes)" in fal.lines[-1]


def test_a_disk_that_is_full_in_the_middle_leaves_nothing_half_and_the_way_on(fal: "Fal") -> None:
    fal.queue(fal.answer({"images": [fal.picture("a.png"), fal.picture("b.png")]}))
    serve(fal, "a.png", b"small")
    serve(fal, "b.png", bytes(3 * MEGABYTE))
    resource = pytest.importorskip("resource", reason="no limits of files on this system")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MEGABYTE, before[1]))
    try:
        outcome = fal.run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    error = outcome.as_json()["error"]
    assert (outcome.exit_status, error["charged"], error["retry"]) == (9, "yes", "same_job")
    assert f"--result {outcome.job}" in error["next"]
    assert [path.name for path in fal.options.output.iterdir()] == ["images_req-1_1.png"]
    assert fal.ask(job_result).exit_status == 0
    assert len(list(fal.options.output.iterdir())) == 2


def test_what_a_killed_process_left_is_removed_and_what_another_one_writes_is_not(
    fal: "Fal",
) -> None:
    folder = open_output_folder(fal.options.output)
    left = folder.path / ".falsmith-0123456789abcdef.part"
    left.write_bytes(b"half")
    others = folder.path / ".other.part"
    others.write_bytes(b"")
    with folder.part() as (part, _):
        folder.make_ready()
        assert part.exists()
    assert list(folder.path.iterdir()) == [others]


def test_a_file_name_that_no_disk_takes_is_refused_before_anything_is_sent(fal: "Fal") -> None:
    outcome = fal.run(output_file=f"sub/{'n' * 241}.png")
    assert (outcome.status, outcome.exit_status) == ("REFUSED", 2)
    assert fal.script.requests == []


def test_disk_that_cannot_be_written_is_local_trouble(fal: "Fal") -> None:
    serve(fal, "a.png", b"a")
    folder = open_output_folder(fal.options.output)
    folder.path.rmdir()
    with pytest.raises(FalError) as caught:
        save_files(fal.connection, [image()], folder, Naming("req-1"))
    assert caught.value.exit_status == 9


@pytest.mark.parametrize(
    "link",
    [
        f"https://{'a' * 64}.example/a.png",
        "https://a..b/a.png",
        "https://xn--/a.png",
        "https://host:99999/a.png",
        "https://cdn.example/\x1b[2Ja.png",
    ],
)
def test_a_link_that_is_none_costs_no_other_file(fal: "Fal", link: str) -> None:
    serve(fal, "b.png", b"b")
    saved, lost = save(fal, ResultFile("images[0]", "image", link), image("b.png", "images[1]"))
    assert [file.field for file in saved] == ["images[1]"]
    (line,) = lost
    assert line.startswith("images[0]: ")
    assert line.isprintable()


@pytest.mark.parametrize(
    "location",
    ["http://[", "http://xn--/x", "javascript:1", f"//{'a' * 64}/x", "//a..b/x", "\x1b]0;x\x07:"],
)
def test_a_redirect_that_leads_nowhere_costs_no_other_file(fal: "Fal", location: str) -> None:
    moved = httpx.Response(302, headers=[(b"location", location.encode())])
    fal.script.on(f"GET {CDN}/a.png", moved)
    serve(fal, "b.png", b"b")
    saved, lost = save(fal, image(), image("b.png", "images[1]"))
    assert [file.field for file in saved] == ["images[1]"]
    (line,) = lost
    assert line.isprintable()


def test_files_beyond_the_most_that_a_result_may_have_are_named(fal: "Fal") -> None:
    tiny = "data:image/png;base64,AAAA"
    files = [ResultFile(f"images[{n}]", "image", f"{tiny}{n:04}") for n in range(203)]
    saved, lost = save(fal, *files)
    assert len(saved) == 200
    assert [line for line in lost if "3 more files" in line and "images[202]" in line] == list(lost)


def test_files_that_are_together_too_large_are_named(fal: "Fal") -> None:
    fal.config = load_config(None, {"FAL_QUEUE_MAX_DOWNLOAD_MB": "0.0001"})
    for number in range(23):
        serve(fal, f"{number}.png", bytes(104))
    files = [image(f"{number}.png", f"images[{number}]") for number in range(23)]
    saved, lost = save(fal, *files)
    assert sum(file.size for file in saved) == 20 * 104
    assert [line.partition(":")[0] for line in lost] == ["images[20]", "images[21]", "images[22]"]
    assert all("max_download_mb" in line for line in lost)
    assert len(fal.script.requests) == 20


def test_a_download_that_drips_is_given_up(fal: "Fal") -> None:
    def dripping() -> Iterator[bytes]:
        while True:
            fal.time.seconds += 1
            yield b"0"

    fal.script.on(f"GET {CDN}/a.png", lambda _: httpx.Response(200, content=dripping()))
    started = fal.time.seconds
    _, lost = save(fal, image())
    assert "in time" in lost[0]
    assert fal.time.seconds - started < 500


def test_controls_in_what_others_named_reach_no_message(fal: "Fal") -> None:
    fal.script.on(f"GET {CDN}/a.png", httpx.Response(404))
    serve(fal, "b.png", b"b")
    _, lost = save(fal, image(field="a\x1b[2J"), image("b.png", "b\x1b]0;x\x07"))
    assert [line for line in (*lost, *fal.lines) if not line.isprintable()] == []


def test_a_result_too_long_to_be_shown_is_saved_as_it_is(fal: "Fal") -> None:
    result = {"words": [{"word": "a", "at": number} for number in range(2000)], "seed": 7}
    folder = open_output_folder(fal.options.output)
    naming = Naming("req-1")
    whole = save_result(fal.connection, folder, naming, json.dumps(result).encode())
    saved = in_a_file(whole, folder, naming)
    assert (saved.result, saved.seed) == (None, 7)
    assert saved.path == folder.path / "result_req-1.json"
    assert json.loads(saved.path.read_bytes()) == result


def test_a_key_that_comes_back_with_the_result_is_shown_nowhere(fal: "Fal") -> None:
    echo = {"text": "id-1:secret-1", "image": {"url": f"{CDN}/a.png?key=id-1%3Asecret-1"}}
    fal.queue(fal.answer(echo, headers={"x-echo": "id-1:secret-1"}))
    fal.script.on(f"GET {CDN}/a.png", httpx.Response(404, content=b"id-1:secret-1"))
    outcome = fal.run()
    assert outcome.text == "[key]"
    shown = json.dumps(outcome.as_json()) + "".join(fal.lines)
    assert "secret-1" not in shown


def test_a_saved_job_is_told_from_the_ledger_where_its_own_call_saved_it(fal: "Fal") -> None:
    fal.queue(fal.answer({"images": [fal.picture("a.png")]}))
    serve(fal, "a.png", b"small")
    saved = fal.run()
    asked = len(fal.script.requests)
    without_key = replace(fal.services, config=replace(fal.config, key=None))
    options = CallOptions(command=fal.options.command)
    again = job_result(without_key, fal.ledger, str(saved.model_id), str(saved.job), options)
    assert [file.path for file in again.files] == [file.path for file in saved.files]
    assert (again.exit_status, len(fal.script.requests)) == (0, asked)


def test_a_saved_job_stays_saved_where_it_cannot_be_saved_once_more(
    fal: "Fal", tmp_path: Path
) -> None:
    fal.queue(fal.answer({"images": [fal.picture("a.png")]}))
    serve(fal, "a.png", b"small")
    saved = fal.run()
    without_key = replace(fal.services, config=replace(fal.config, key=None))
    elsewhere = replace(fal.options, output=tmp_path / "elsewhere")
    again = job_result(without_key, fal.ledger, str(saved.model_id), str(saved.job), elsewhere)
    assert again.exit_status == 3
    kept = fal.ledger.job(str(saved.job))
    assert kept is not None
    assert kept.state == "saved"
    assert kept.saved is not None
    assert [file.path for file in kept.saved.files] == [file.path for file in saved.files]
    assert fal.ledger.claim(str(saved.job)) is not None
