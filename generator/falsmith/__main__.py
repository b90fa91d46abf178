"""`python -m falsmith`, and the `falsmith` command."""

import gc
import sys


def main() -> None:
    """Run the command line and exit with its status."""
    if sys.argv[1:] == ["--version"]:
        # Answered before anything is imported: hosts and scripts ask for it often.
        from falsmith import __version__

        sys.stdout.write(f"falsmith {__version__}\n")
        sys.exit(0)
    # What modules and documents are made of stays: to look through it for circles, as often as
    # is usual, takes a tenth of the time of a large run.
    gc.set_threshold(100_000, 50, 1000)
    from falsmith.cli import run

    status = run(sys.argv[1:])
    # Nor has the end of the process to look for them.
    gc.freeze()
    sys.exit(status)


if __name__ == "__main__":
    main()
