"""What calls cost: by a daemon and directly against fal's own client, many jobs, a large file."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from commands import FALSMITH, UNSET, medians, memory_folder, seconds
from figures import Figure

__all__ = ["calls"]

MODEL, SCRIPT = "fal-ai/flux/schnell", "fal_ai_flux_schnell.py"
RUNS = 15
JOBS = 1000
LARGE = 100 << 20
# A job that is seen late is seen late after a wait: this one is short and real.
DELAY = 1.0
SETTINGS = {
    "FAL_QUEUE_MAX_CONCURRENT": "16",
    "FAL_QUEUE_START_INTERVAL": "0",
    "FAL_QUEUE_RATE_PER_MIN": "1000000",
    "FAL_QUEUE_BURST": "100000",
    "FAL_QUEUE_MAX_DOWNLOAD_MB": "200",
}
# What a program with fal's own client does for the same: wait for the result, save its file.
CLIENT = """
import sys, fal_client, httpx
result = fal_client.subscribe(sys.argv[1], arguments={"prompt": "a lighthouse"})
content = httpx.get(result["images"][0]["url"]).content
open(sys.argv[2], "wb").write(content)
"""
# A client with many jobs: it writes them into the ledger and hands them to a warm daemon.
MANY = """
import os, sys, time
from pathlib import Path
from fal_runtime.config import load_config
from fal_runtime.daemon.client import connected
from fal_runtime.daemon.place import DaemonPlace, Marker
from fal_runtime.daemon.protocol import Event, Request
from fal_runtime.fal.queue import ModelRequest
from fal_runtime.input.options import CallOptions
from fal_runtime.jobs.job import Job
from fal_runtime.jobs.ledger import open_ledger
skill, model, flow, count, output = sys.argv[1:]
config = load_config(Path(skill), os.environ)
ledger = open_ledger(os.environ, Path.cwd(), print)
options = CallOptions(output=Path(output), sync_only=flow == "sync")
origin = config.origins.run if flow == "sync" else config.origins.queue
headers = {"Accept": "application/json", "Content-Type": "application/json"}
names = []
for number in range(int(count)):
    request = ModelRequest(f"{origin}/{model}", headers, {"prompt": f"{flow} {number}"})
    now = time.time()
    names.append(ledger.add(Job(model, options, "accepted", request, flow == "sync",
                                identity=config.identity, created=now, changed=now)).id)
channel = connected(Marker.read(DaemonPlace.of(os.environ, Path(skill), model).folder))
started = time.perf_counter()
for name in names:
    channel.send(Request("run", name))
left = set(names)
while left:
    message = channel.receive(time.monotonic() + 600)
    if isinstance(message, Event) and message.what == "ended":
        left.discard(message.job)
print(time.perf_counter() - started)
states = {entry.job.state for entry in ledger.jobs(limit=len(names))}
assert states == {"saved"}, states
"""
DOWNLOAD = """
import os, resource, sys, time
from pathlib import Path
from fal_runtime.config import load_config
from fal_runtime.fal.http import Connection, new_client
from fal_runtime.output.files import ResultFile
from fal_runtime.output.folder import open_output_folder
from fal_runtime.output.save import Naming, save_files
config = load_config(None, os.environ)
with new_client(config) as client:
    folder = open_output_folder(Path(sys.argv[2]))
    files = [ResultFile("video", "video", sys.argv[1])]
    started = time.perf_counter()
    saved, lost, _ = save_files(Connection(client, config), files, folder, Naming("large"))
    taken = time.perf_counter() - started
assert saved and not lost, lost
print(taken, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def calls() -> list[Figure]:
    """Return the figures, each measured against a local fal in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        seconds((*FALSMITH, "generate", "--offline", "-m", MODEL, "--output", str(place)))
        wrapper = next(place.glob(f"*/scripts/{SCRIPT}"))
        return [
            *_one_call(place, wrapper),
            _seen(place, wrapper),
            *_many(place, wrapper),
            *_large(),
        ]


@contextmanager
def _fal(folder: Path, delay: float, *options: str) -> Iterator[dict[str, str]]:
    """Run a local fal, and yield the environment that leads there."""
    command = (*FALSMITH, "emulate", "--json", "--delay", str(delay), *options)
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        settings: dict[str, str] = json.loads(process.stdout.readline())
        kept = {name: value for name, value in os.environ.items() if name not in UNSET}
        folders = {
            "FAL_STATE_DIR": str(folder / f"state-{process.pid}"),
            "FAL_QUEUE_DIR": str(folder / f"queue-{process.pid}"),
        }
        yield kept | settings | SETTINGS | folders
    finally:
        process.terminate()
        process.wait()


def _one_call(folder: Path, wrapper: Path) -> list[Figure]:
    """Return one call from start to saved file, against a script with fal's own client."""
    script, output = folder / "client.py", ("--output", str(folder / "output"))
    script.write_text(CLIENT)
    call = (sys.executable, str(wrapper), "--prompt", "a lighthouse", *output)
    with _fal(folder, 0, "--tls") as environment:
        taken = medians(
            {
                "client": (sys.executable, str(script), MODEL, str(folder / "client.jpg")),
                "daemon": call,
                "direct": (*call, "--no-queue"),
            },
            RUNS,
            environment,
        )
        _end_daemons(environment)
    client = taken.pop("client")
    targets = {"daemon": ("warm daemon", 1.0), "direct": ("direct queue flow", 1.2)}
    return [
        Figure(f"{what} : fal-client", taken[name] / client, most, " x", _note(taken[name], client))
        for name, (what, most) in targets.items()
    ]


def _seen(folder: Path, wrapper: Path) -> Figure:
    """Return how long after a job's end its file is saved."""
    lags = []
    with _fal(folder, DELAY) as environment:
        for number in range(5):
            output = folder / f"seen-{number}"
            words = ("--prompt", f"seen {number}", "--no-queue", "--output", str(output))
            seconds((sys.executable, str(wrapper), *words), environment=environment)
            (saved,) = output.glob("*.*")
            ended = _accepted(environment, f"seen {number}") + DELAY
            lags.append((saved.stat().st_mtime - ended) * 1e3)
    note = "queue flow by status stream, download included"
    return Figure("saved after the end of a job", statistics.median(lags), 100, " ms", note)


def _accepted(environment: Mapping[str, str], prompt: str) -> float:
    url = f"{environment['FAL_QUEUE_URL']}/_emulator/books"
    books: list[dict[str, Any]] = httpx.get(url, trust_env=False).json()["books"]
    (book,) = [each for each in books if each["input"].get("prompt") == prompt]
    return datetime.fromisoformat(book["requests"][0]["accepted_at"]).timestamp()


def _many(folder: Path, wrapper: Path) -> Iterator[Figure]:
    """Yield how many jobs a second one daemon runs to their saved files."""
    skill = wrapper.parents[1]
    daemon = (sys.executable, str(wrapper.with_name("queue_daemon.py")), "--background")
    for flow, least in (("sync", 200.0), ("queue", 100.0)):
        with _fal(folder, 0) as environment:
            seconds(daemon, environment=environment)
            words = (str(skill), MODEL, flow, str(JOBS), str(folder / f"many-{flow}"))
            done = subprocess.run(
                (sys.executable, "-c", MANY, *words),
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            taken = float(done.stdout.split()[-1])
            _end_daemons(environment)
        note = f"{JOBS:,} jobs in {taken:.1f} s, limits off"
        yield Figure(f"daemon, {flow} flow", JOBS / taken, least, " jobs/s", note, at_least=True)


def _large() -> Iterator[Figure]:
    """Yield how fast a large file comes, against curl, and the memory that it takes."""
    memory, times = 0, dict[str, list[float]](ours=[], curl=[])
    with (
        tempfile.TemporaryDirectory(dir=memory_folder()) as place,
        _fal(folder := Path(place), 0) as environment,
    ):
        about = {"content_type": "video/mp4", "file_name": "large.mp4"}
        key = {"Authorization": f"Key {environment['FAL_KEY']}"}
        begin = f"{environment['FAL_REST_URL']}/storage/upload/initiate?storage_type=fal-cdn-v3"
        with httpx.Client(trust_env=False, timeout=60) as client:
            links = client.post(begin, json=about, headers=key).raise_for_status().json()
            client.put(
                links["upload_url"], content=(bytes(1 << 20) for _ in range(LARGE >> 20))
            ).raise_for_status()
        url, output = links["file_url"], folder / "output"
        for _ in range(RUNS):
            curl = ("curl", "-s", "-o", str(folder / "curl.mp4"), url)
            times["curl"].append(seconds(curl, environment=environment))
            done = subprocess.run(
                (sys.executable, "-c", DOWNLOAD, url, str(output)),
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            )
            taken, used = done.stdout.split()[-2:]
            times["ours"].append(float(taken))
            memory = max(memory, int(used) * 1024)
            # What stays would take the memory that the next one needs.
            shutil.rmtree(output)
    ours, curl_took = statistics.median(times["ours"]), statistics.median(times["curl"])
    note = f"{ours:.2f} s : {curl_took:.2f} s"
    yield Figure("100 MB, speed : curl", curl_took / ours, 0.8, " x", note, at_least=True)
    yield Figure("100 MB, memory", memory / 1e6, None, " MB")


def _end_daemons(environment: Mapping[str, str]) -> None:
    seconds((*FALSMITH, "queue", "shutdown"), environment=environment)


def _note(ours: float, theirs: float) -> str:
    return f"{ours * 1e3:.0f} ms : {theirs * 1e3:.0f} ms"
