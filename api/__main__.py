"""The entry point of `comity`."""

from api.starting import settling

INTERRUPTED = 130


def main() -> None:
    """Runs the command."""
    try:
        with settling():
            from api import cli
    except KeyboardInterrupt:  # later ones are told by the command
        raise SystemExit(INTERRUPTED) from None
    cli.main()


if __name__ == "__main__":
    main()
