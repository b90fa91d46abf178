"""What every test shares: an environment without keys, and folders of its own."""

from pathlib import Path

import pytest

KEY_VARIABLES = ("FAL_KEY", "FAL_KEY_ID", "FAL_KEY_SECRET", "FAL_KEY_VARIABLE", "FAL_AUTH_SCHEME")
ADDRESS_VARIABLES = (
    "FAL_RUN_URL",
    "FAL_QUEUE_URL",
    "FAL_REST_URL",
    "FAL_PLATFORM_URL",
    "FAL_RUN_HOST",
    "FAL_QUEUE_RUN_HOST",
    "FAL_ALLOW_API_KEY_ARG",
)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove every key and address, and keep home, state and cache inside the test's own folder."""
    for name in KEY_VARIABLES + ADDRESS_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, folder in {
        "HOME": "home",
        "XDG_CACHE_HOME": "home/.cache",
        "XDG_STATE_HOME": "home/.local/state",
        "FAL_STATE_DIR": "state",
    }.items():
        monkeypatch.setenv(name, str(tmp_path / folder))
