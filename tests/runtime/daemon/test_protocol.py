"""Messages as lines, and what is no message."""

from dataclasses import replace

import pytest

from fal_runtime.config import load_config
from fal_runtime.daemon.protocol import (
    PROTOCOL,
    Event,
    Greeting,
    HeldJob,
    HeldJobs,
    Leaving,
    Lines,
    Message,
    ProtocolError,
    Request,
    decoded,
    encoded,
    settings_digest,
)
from fal_runtime.settings import RateLimit, Settings

MESSAGES: list[Message] = [
    Greeting(PROTOCOL, "1.0", 7, 12.5, "a", "b", leaving=False),
    Request("run", "abcd1234"),
    Request("jobs"),
    HeldJobs(()),
    HeldJobs((HeldJob("a", "accepted", None, "2 s"), HeldJob("b", "submitted", "r", None))),
    Leaving(2),
    Event("progress", "a", "two lines\nand \u98de"),
    Event("failed", "a", "no", "local_trouble"),
    Event("ended", "a"),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_is_one_line_and_comes_back_as_it_was(message: Message) -> None:
    line = encoded(message)
    assert line.count(b"\n") == 1
    assert decoded(line) == message


def test_messages_come_whole_however_they_are_cut() -> None:
    whole = b"".join(map(encoded, MESSAGES))
    for size in (1, 7, len(whole)):
        lines, found = Lines(), list[Message]()
        for start in range(0, len(whole), size):
            found += lines.feed(whole[start : start + size])
        assert found == MESSAGES


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"GET / HTTP/1.1",
        b"[]",
        b"{}",
        b'{"is": "Message"}',
        b'{"is": ["Request"]}',
        b'{"is": "Request"}',
        b'{"is": "Request", "do": "run", "subject": 5}',
        b'{"is": "Request", "do": "dance", "subject": "a"}',
        b'{"is": "Request", "do": ["run"], "subject": "a"}',
        b'{"is": "Leaving", "jobs": true}',
        b'{"is": "HeldJobs", "jobs": 5}',
        b'{"is": "HeldJobs", "jobs": [{"job": "a"}]}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(ProtocolError):
        decoded(line)


def test_members_of_a_later_version_are_left_out() -> None:
    line = b'{"is": "Request", "do": "run", "subject": "a", "since": 1}'
    assert decoded(line) == Request("run", "a")


def test_a_line_without_an_end_is_refused_before_it_fills_the_memory() -> None:
    lines = Lines()
    with pytest.raises(ProtocolError, match="no end"):
        for _ in range(100):
            list(lines.feed(b"x" * 100_000))


def test_digest_of_settings_tells_each_setting_apart() -> None:
    config = load_config(None, {"PATH": "/bin"})
    plain = settings_digest(config)
    assert plain == settings_digest(load_config(None, {"PATH": "/usr/bin"}))
    other = [Settings(max_concurrent=3), Settings(model_rates={"acme/demo": RateLimit(1, 1)})]
    assert plain not in [settings_digest(replace(config, settings=each)) for each in other]
    ways = [{"https_proxy": "http://proxy.example"}, {"SSL_CERT_FILE": "/etc/ca.pem"}]
    assert plain not in [settings_digest(load_config(None, way)) for way in ways]
