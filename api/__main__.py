"""The entry point of `comity`."""

from api.starting import settling


def main() -> None:
    """Runs the command."""
    with settling():
        from api import cli
    cli.main()


if __name__ == "__main__":
    main()
