"""The decision log: append-only, and checkable by anyone with tools that aren't ours."""
