"""The examples: written anew into `generated-examples/`, or compared with it by `--check`.

They are what `falsmith generate` makes of the bundled catalogue, with one difference: packages
that stand in this checkout already are links to it, so that only one copy of the runtime is kept.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from recording import RECORDING, record, texts

from falsmith.catalog.bundled import bundled_documents
from falsmith.documents import CollectionDocuments, Documents
from falsmith.generate import make
from falsmith.names import short_name
from falsmith.render import CREATOR, Options, render_creator
from falsmith.skill.ownership import Drift, compare
from falsmith.skill.tree import Entry, Link
from falsmith.skill.write import write

EXAMPLES = Path(__file__).parents[2] / "generated-examples"
MODELS: Mapping[str, Options] = {
    "fal-ai/flux/dev": Options("public"),
    "fal-ai/flux/schnell": Options(),
    "fal-ai/kling-video/v3/pro/text-to-video": Options(lazy=True),
    "fal-ai/kling-video/v3/pro/image-to-video": Options(),
    "fal-ai/f5-tts": Options(lazy=True),
    "fal-ai/whisper": Options(),
    "fal-ai/clarity-upscaler": Options(),
}
COLLECTION = "voices"
COLLECTED = (
    "fal-ai/minimax/speech-2.8-hd",
    "fal-ai/elevenlabs/tts/turbo-v2.5",
    "fal-ai/f5-tts",
)
# The creator skill copies both packages. Its example links to the one example that carries the
# runtime, which all linked examples then use, and to the generator of this checkout.
LINKS = (
    Link(
        PurePosixPath("scripts/fal_runtime"),
        PurePosixPath("../../fal-ai-flux-dev/scripts/fal_runtime"),
    ),
    Link(PurePosixPath("scripts/falsmith"), PurePosixPath("../../../generator/falsmith")),
)


def main() -> int:
    """Write the examples, or list their differences and return 1 where there are any."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--check", action="store_true", help="write nothing")
    check = arguments.parse_args().check
    differences = []
    for folder, entries in examples():
        drift = compare(entries, folder)
        differences += [f"{one.kind}: {folder.name}/{one.path}" for one in drift]
        if not check:
            replace(folder, entries, drift)
    for name, content in record(EXAMPLES).items():
        place = EXAMPLES / name
        before = place.read_bytes() if place.is_file() else b""
        # Of a drawing only what it says: another version of rich draws otherwise.
        same = texts(before) == texts(content) if name == RECORDING else before == content
        if not same:
            differences.append(f"stale: {name}")
            if not check:
                place.write_bytes(content)
    sys.stdout.writelines(f"{line}\n" for line in differences)
    return 1 if check and differences else 0


def examples() -> Iterator[tuple[Path, tuple[Entry, ...]]]:
    """Yield the folder of each example and what belongs in it."""
    for model_id, options in MODELS.items():
        made = make(_documents(model_id), options, EXAMPLES)
        yield made.folder, made.entries
    models = {short_name(model_id): _documents(model_id) for model_id in COLLECTED}
    made = make(CollectionDocuments(models), Options(name=COLLECTION), EXAMPLES)
    yield made.folder, made.entries
    yield EXAMPLES / CREATOR, render_creator(LINKS)


def _documents(model_id: str) -> Documents:
    documents = bundled_documents(model_id)
    assert documents is not None, f"{model_id} is not in the bundled catalogue"
    return documents


def replace(folder: Path, entries: Sequence[Entry], drift: Sequence[Drift]) -> None:
    """Make `folder` hold the entries, whoever edited or added something in it."""
    for one in drift:
        if one.kind == "extra":
            (folder / one.path).unlink()
    write(entries, folder, drift)


if __name__ == "__main__":
    sys.exit(main())
