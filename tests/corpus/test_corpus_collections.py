"""Collections over the whole catalogue: twenty models of like kind in each."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from fal_runtime.errors import UsageError
from falsmith.collection import parse_collection
from falsmith.documents import CollectionDocuments, Documents
from falsmith.generate import generate
from falsmith.names import short_name
from falsmith.render import Options, render_collection
from falsmith.skill.tree import File

pytestmark = pytest.mark.corpus

SIZE = 20


def test_more_models_than_a_host_reads_of_are_refused(
    corpus_documents: Sequence[Documents], tmp_path: Path
) -> None:
    models = {short_name(one.model_id): one for one in corpus_documents[:300]}

    with pytest.raises(UsageError, match=r"300 models.*make several collections"):
        generate(CollectionDocuments(models), Options(name="media"), tmp_path)

    assert not list(tmp_path.iterdir())


def test_every_model_stands_in_the_table_and_has_a_reference_of_its_own(
    corpus_documents: Sequence[Documents],
) -> None:
    listed = sorted(corpus_documents, key=lambda one: str(one.metadata.get("category")))
    for start in range(0, len(listed), SIZE):
        models = {short_name(one.model_id): one for one in listed[start : start + SIZE]}
        collection = parse_collection(CollectionDocuments(models), "media")
        entries = render_collection(collection, Options("standalone"))
        files = {str(one.path): one.content.decode() for one in entries if isinstance(one, File)}
        body = files["SKILL.md"]

        assert len(yaml.safe_load(body.split("---\n")[1])["description"]) <= 520
        for name, documents in models.items():
            reference = yaml.safe_load(files[f"references/models/{name}/reference.yaml"])
            assert f"\n| `{name}` | " in body
            assert reference["model_id"] == documents.model_id
            assert f"python scripts/media.py -m {name} " in reference["usage"]
