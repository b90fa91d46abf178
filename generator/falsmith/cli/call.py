"""`falsmith call`: any model by its ID, with the options of a skill's `fal_api_call.py`."""

import click

__all__ = ["call"]


@click.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def call(arguments: tuple[str, ...]) -> int:
    """Call a model; `falsmith call --help` lists the options."""
    from fal_runtime.command import main

    return main(arguments, model_id=None, skill=None, subcommand="call")
