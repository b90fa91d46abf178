"""Starting and stopping: addresses, ports, what is missing."""

import ssl
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from fal_runtime.errors import UsageError
from falsmith.emulator import KEY, Emulator, Origins

Start = Callable[..., Emulator]


def test_the_environment_points_a_client_at_five_ports_of_loopback(emulator: Emulator) -> None:
    assert emulator.environment == {
        "FAL_QUEUE_URL": emulator.origins.queue,
        "FAL_RUN_URL": emulator.origins.run,
        "FAL_REST_URL": emulator.origins.rest,
        "FAL_PLATFORM_URL": emulator.origins.platform,
        "FAL_KEY": KEY,
    }
    addresses = [urlsplit(url) for url in list(emulator.environment.values())[:4]]
    addresses.append(urlsplit(emulator.origins.cdn))
    assert {address.hostname for address in addresses} == {"127.0.0.1"}
    assert len({address.port for address in addresses}) == 5


def test_after_the_context_nobody_listens(start: Start) -> None:
    with start() as emulator:
        url = f"{emulator.origins.platform}/v1/models"
        assert httpx.get(url, trust_env=False).status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)


def test_ports_can_be_chosen_and_are_five_in_a_row(start: Start) -> None:
    for first in range(21000, 30000, 11):
        with suppress(UsageError), start(port=first) as emulator:
            addresses = (getattr(emulator.origins, host.name) for host in fields(Origins))
            assert [urlsplit(url).port for url in addresses] == [*range(first, first + 5)]
            return
    pytest.fail("no five free ports in a row")


def test_a_port_that_is_taken_is_named(start: Start) -> None:
    with start() as running:
        taken = urlsplit(running.origins.queue).port
        with pytest.raises(UsageError, match=f"the ports {taken} to .* Choose another --port"):
            start(port=taken).__enter__()


@pytest.mark.parametrize("command", ["emulate", "demo"])
def test_without_the_extra_the_error_names_it(command: str) -> None:
    code = (
        "import sys; sys.modules['starlette'] = None\n"
        f"from falsmith.cli import run; sys.exit(run([{command!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "the emulator needs starlette" in done.stderr
    assert "pip install '.[emulator]'" in done.stderr


def test_an_address_before_the_start_is_refused(start: Start) -> None:
    with pytest.raises(UsageError, match="enter its context"):
        _ = start().environment


def test_with_tls_every_host_speaks_https_and_a_folder_keeps_the_certificate(
    start: Start, tmp_path: Path
) -> None:
    trusted = []
    for _ in range(2):
        with start(tls=True, state=tmp_path) as emulator:
            authority = emulator.environment["SSL_CERT_FILE"]
            context = ssl.create_default_context(cafile=authority)
            for origin in asdict(emulator.origins).values():
                assert origin.startswith("https://")
                answer = httpx.get(f"{origin}/no/such", verify=context, trust_env=False)
                assert answer.status_code in (401, 404)
            trusted.append(Path(authority).read_bytes())
    assert trusted[0] == trusted[1]
    assert (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o600
