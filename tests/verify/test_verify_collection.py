"""A collection: each of its models judged as a model's own skill is, and the list of them."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from falsmith.cli import run
from falsmith.verify import verify

NAME = "acme-media"
WRAPPER = "scripts/acme_media.py"
COLLECTION = "references/collection.json"
PROVENANCE = "references/provenance.json"
FLUX, WHISPER = "references/models/flux-dev", "references/models/whisper"
REFERENCE, CONFIG = f"{WHISPER}/reference.yaml", f"{FLUX}/model_config.json"
SCHEMA = f"{WHISPER}/input.schema.json"
MODELS = ["-m", "fal-ai/flux/dev", "-m", "fal-ai/whisper", "-m", "voice=fal-ai/f5-tts"]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of collections that nobody changed: `linked`, `public` and `lazy`."""
    folder = tmp_path_factory.mktemp("collections")
    words = ["--source", "bundled", "--quiet", "--collection", NAME, *MODELS]
    for kind, options in {"linked": [], "public": ["--public"], "lazy": ["--lazy"]}.items():
        assert run(["generate", *words, *options, "-o", str(folder / kind)]) == 0
    return folder


@pytest.fixture
def collection(made: Path, tmp_path: Path) -> Path:
    """A collection of three models that carries its own runtime."""
    return Path(shutil.copytree(made / "public" / NAME, tmp_path / NAME))


def read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def seal(collection: Path) -> None:
    """Write the digests anew, so that only the mistake of the test is left to be found."""
    record = read(collection / PROVENANCE)
    files = [path for path in collection.rglob("*") if path.is_file() and not path.is_symlink()]
    digests = {
        path.relative_to(collection).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }
    record["files"] = {path: one for path, one in digests.items() if path != PROVENANCE}
    (collection / PROVENANCE).write_text(json.dumps(record), encoding="utf-8")


def listed(collection: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the list of the models, and in the same way what provenance.json says of them."""
    for path in (COLLECTION, PROVENANCE):
        value = read(collection / path)
        change(value["models"])
        (collection / path).write_text(json.dumps(value), encoding="utf-8")


@pytest.mark.parametrize("kind", ["linked", "public", "lazy"])
def test_a_generated_collection_has_no_problem(made: Path, kind: str) -> None:
    assert verify(made / kind / NAME) == []
    assert kind != "public" or verify(made / kind / NAME, public=True) == []


# What to replace in which file, where the problem is, and what it must say.
CASES: list[tuple[str, str, str, str, str]] = [
    (COLLECTION, f'"{NAME}"', '"other"', COLLECTION, "name is 'other'"),
    (COLLECTION, "null", '"dev"', COLLECTION, "default is 'dev', which is none of its models"),
    (COLLECTION, "null", '"voice"', PROVENANCE, "default is not 'voice'"),
    (COLLECTION, '"models"', '"model"', COLLECTION, "models must be an object"),
    (COLLECTION, "{", "[", COLLECTION, "is not valid JSON"),
    (COLLECTION, '"fal-ai/whisper"', '"fal-ai/wizper"', COLLECTION, "as 'fal-ai/wizper'"),
    (COLLECTION, '"voice": "', '"whisper": "', COLLECTION, "stands twice"),
    (PROVENANCE, '"fal-ai/whisper"', '"fal-ai/wizper"', PROVENANCE, "are not those that"),
    (PROVENANCE, f'"collection": "{NAME}"', '"collection": "x"', PROVENANCE, "collection is 'x'"),
    (PROVENANCE, '"sha256": "', '"sha256": "x', PROVENANCE, "must have a model_id, and in sha256"),
    (WRAPPER, "collection=True", "collection=False", WRAPPER, "is not what falsmith"),
    ("SKILL.md", "-m flux-dev", "-m flux", "SKILL.md", "'flux' is no model of this skill"),
    ("SKILL.md", "-m flux-dev", "-m voice", "SKILL.md", "gen_text"),
    ("SKILL.md", "-m flux-dev ", "", "SKILL.md", "--model is missing"),
    ("SKILL.md", "<NAME>/reference", "<NAME>/more", "SKILL.md", "a file that is not there"),
    (REFERENCE, "-m whisper", "-m flux-dev", REFERENCE, "audio"),
    (REFERENCE, "fal-ai/whisper\"", "x/y\"", REFERENCE, "'x/y'"),
    (REFERENCE, "--result", "--reslt", REFERENCE, "--reslt"),
    (CONFIG, '"flux-dev"', '"dev"', CONFIG, "name is 'dev'"),
    (SCHEMA, "2020-12", "2019-09", SCHEMA, "$schema is"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[4]}")
def test_a_broken_text_is_a_problem_that_names_it(
    collection: Path, case: tuple[str, str, str, str, str]
) -> None:
    path, old, new, place, told = case
    text = (collection / path).read_text(encoding="utf-8")
    assert old in text
    (collection / path).write_text(text.replace(old, new, 1), encoding="utf-8", newline="")
    seal(collection)
    found = verify(collection)
    assert [one for one in found if one.path == place and told in one.message], found


def test_commands_may_leave_out_the_default_and_name_a_model_by_its_id(collection: Path) -> None:
    for path in (COLLECTION, PROVENANCE):
        value = read(collection / path) | {"default": "flux-dev"}
        (collection / path).write_text(json.dumps(value), encoding="utf-8")
    with (collection / "SKILL.md").open("a", encoding="utf-8") as file:
        for words in (
            "acme_media.py --prompt 'a fox'",
            "acme_media.py -m fal-ai/whisper --audio_url speech.wav",
            "acme_media.py --result REQUEST_ID",
            "fal_api_call.py -m voice --gen_text hello --ref_audio_url a.wav --model_type F5-TTS",
            "fal_api_call.py -m fal-ai/another --args '{}'",
        ):
            file.write(f"\n```bash\npython scripts/{words}\n```\n")
    seal(collection)
    assert verify(collection) == []


def _without(collection: Path) -> None:
    shutil.rmtree(collection / WHISPER)


def _renamed(name: str) -> Callable[[Path], None]:
    def rename(collection: Path) -> None:
        _without(collection)
        listed(collection, lambda models: models.update({name: models.pop("whisper")}))

    return rename


def _linked(path: str) -> Callable[[Path], None]:
    def link(collection: Path) -> None:
        place = collection / path
        shutil.move(place, collection.parent / "elsewhere")
        place.symlink_to(collection.parent / "elsewhere")

    return link


HOSTILE: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "a name that leads out": (
        _renamed("../../x"), COLLECTION, "'../../x' cannot be a model's short name",
    ),
    "a name in capitals": (
        _renamed("Whisper"), COLLECTION, "'Whisper' cannot be a model's short name",
    ),
    "a name of a device": (_renamed("con"), COLLECTION, "'con' cannot be a model's short name"),
    "a name that is empty": (_renamed(""), COLLECTION, "'' cannot be a model's short name"),
    "a model without a folder": (
        _without, COLLECTION, f"lists 'whisper', and there is no folder {WHISPER}",
    ),
    "a folder without a model": (
        lambda place: shutil.copytree(place / WHISPER, place / "references/models/extra"),
        "references/models/extra", "is of no model that references/collection.json lists",
    ),
    "a file that is missing": (
        lambda place: (place / WHISPER / "reference.yaml").unlink(),
        REFERENCE, "is missing",
    ),
    "a stray file of a model": (
        lambda place: (place / WHISPER / "notes.md").write_text("Mine.\n"),
        f"{WHISPER}/notes.md", "is no file of falsmith's",
    ),
    "a folder that is a link": (_linked(WHISPER), WHISPER, "is a symbolic link"),
    "all folders behind a link": (
        _linked("references/models"), "references/models", "is a symbolic link",
    ),
    "a schema that is a link": (
        _linked(SCHEMA), SCHEMA, "is a symbolic link",
    ),
    "a list that is lost": (
        lambda place: (place / COLLECTION).unlink(), COLLECTION, "is missing",
    ),
    "defaults of no model": (
        lambda place: (place / "references/defaults.yaml").write_text("defaults: {}\n"),
        "references/defaults.yaml", "is read by no model of a collection",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_collection_is_one_clear_problem(collection: Path, case: str) -> None:
    spoil, path, told = HOSTILE[case]
    spoil(collection)
    (problem,) = (one for one in verify(collection) if one.severity == "problem")
    assert problem.path == path
    assert told in problem.message


def test_of_a_list_that_is_wrong_in_every_entry_some_are_told(collection: Path) -> None:
    many = {f"model-{number}": "x/y" for number in range(1_000)}
    listed(collection, lambda models: models.update(many))
    found = [one for one in verify(collection) if one.severity == "problem"]
    assert {one.path for one in found} == {COLLECTION, PROVENANCE}
    assert len(found) == 20


def test_the_users_own_files_stand_in_the_folders_of_their_models(collection: Path) -> None:
    own = ("references/guide.md", f"{WHISPER}/defaults.yaml")
    for path in own:
        (collection / path).write_text("# Mine\n", encoding="utf-8")
    assert verify(collection) == []
    assert [one.path for one in verify(collection, public=True)] == list(own)
    assert verify(collection, public=True, handed_on=["guide.md", "defaults.yaml"]) == []


def test_the_defaults_of_each_model_are_judged_by_its_own_schema(collection: Path) -> None:
    (collection / WHISPER / "defaults.yaml").write_text("defaults:\n  num_images: 2\n")
    (collection / FLUX / "defaults.yaml").write_text("defaults:\n  num_images: 2\n")
    (problem,) = verify(collection)
    assert problem.path == f"{WHISPER}/defaults.yaml"
    assert problem.message.startswith("line 2: defaults.num_images: got an unknown field")


def test_a_record_that_is_lost_or_broken_is_one_problem(collection: Path) -> None:
    (collection / PROVENANCE).write_text("{", encoding="utf-8")
    assert [one.path for one in verify(collection)] == [PROVENANCE]
    (collection / PROVENANCE).unlink()
    assert [one.path for one in verify(collection)] == [PROVENANCE]


NAMES = st.sampled_from(["flux-dev", "whisper", "voice", "Voice", "../x", ".", "/", "", "\0"])
VALUES = st.none() | st.booleans() | st.integers() | NAMES | st.just("fal-ai/whisper")
ANY = st.recursive(
    VALUES, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner), max_leaves=5
)


@given(
    models=st.dictionaries(NAMES, ANY) | ANY,
    default=ANY,
    recorded=st.dictionaries(NAMES, st.fixed_dictionaries({"model_id": ANY, "sha256": ANY}) | ANY),
)
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_whatever_a_collection_says_of_its_models_is_a_problem_and_no_error(
    collection: Path, models: object, default: object, recorded: object
) -> None:
    listed = {"name": NAME, "default": default, "models": models}
    (collection / COLLECTION).write_text(json.dumps(listed), encoding="utf-8")
    record = read(collection / PROVENANCE) | {"default": default, "models": recorded}
    (collection / PROVENANCE).write_text(json.dumps(record), encoding="utf-8")
    assert {one.path for one in verify(collection)} & {COLLECTION, PROVENANCE}
