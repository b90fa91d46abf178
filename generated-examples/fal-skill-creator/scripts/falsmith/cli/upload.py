"""`falsmith upload`: files to fal's storage, links back."""

import click

__all__ = ["upload"]


@click.command(epilog="\b\nExample:\n  falsmith upload photo.png voice.mp3")
@click.argument("files", nargs=-1, required=True)
def upload(files: tuple[str, ...]) -> int:
    """Upload files and print their links, as one JSON object."""
    from fal_runtime.command import main

    return main(("--upload", *files), model_id=None, skill=None, subcommand="call")
