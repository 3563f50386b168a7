"""Errors as callers see them: a code each, and nothing of our insides."""

import logging
import traceback
from pathlib import Path
from typing import Any

from graphql import GraphQLError

from governance.errors import Refused

log = logging.getLogger("comity")


def located(refused: Refused) -> GraphQLError:
    """A refusal as a top-level error with its code."""
    return GraphQLError(refused.message, extensions={"code": refused.code.value})


def public(error: GraphQLError) -> dict[str, Any]:
    """The error as it is answered. What isn't ours is masked and logged by its type alone."""
    original = error.original_error
    if original is not None and not isinstance(original, GraphQLError | Refused):
        frames = traceback.extract_tb(original.__traceback__)[-3:]
        place = " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in reversed(frames))
        log.error("unexpected %s at %s", type(original).__name__, place)
        shown = GraphQLError(
            "something went wrong on our side", error.nodes, path=error.path
        ).formatted
        return {**shown, "extensions": {"code": "INTERNAL"}}
    formatted: dict[str, Any] = {**error.formatted}
    formatted.setdefault("extensions", {"code": "BAD_DOCUMENT"})
    return formatted
