"""`make bench`: what falsmith promises about speed, memory and size, as measured here and now.

FALSMITH_CORPUS names the folder of documents to measure with; without it the bundled ones serve.
Times are ratios of medians taken in one run. The exit status is 1 where a target is missed.
"""

import os
import sys
import tempfile
from pathlib import Path

from calls import calls
from figures import show
from generation import generation
from many_documents import many_documents
from start_up import start_up
from structure import structure

from falsmith.catalog.saved import SavedSource
from falsmith.sources import Bundled


def main() -> int:
    """Measure, print the table, and return the exit status."""
    corpus = os.environ.get("FALSMITH_CORPUS")
    with tempfile.TemporaryDirectory() as folder:
        figures = generation(Path(corpus) if corpus else many_documents(Path(folder)))
    figures += start_up()
    figures += calls()
    figures += structure()
    # Imported last: what this process holds would count as memory of the commands it starts.
    from description_lines import description_lines
    from good_calls import good_calls
    from kept_sentences import kept_sentences
    from token_budgets import token_budgets

    source = SavedSource(Path(corpus)) if corpus else Bundled()
    for measure in (token_budgets, kept_sentences, description_lines, good_calls):
        figures += measure(source)
    show(figures, f"With {'the documents in ' + corpus if corpus else 'the bundled models'}")
    return 0 if all(one.met for one in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
