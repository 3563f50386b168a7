"""The entry point of `comity`."""

import os

from api.starting import settling

INTERRUPTED = 130


def main() -> None:
    """Runs the command."""
    # Processes that it starts look for modules where it does, not in the folder it is used in.
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        with settling():
            from api import cli
    except KeyboardInterrupt:  # later ones are told by the command
        raise SystemExit(INTERRUPTED) from None
    cli.main()


if __name__ == "__main__":
    main()
