"""Structured lines on the error stream: one a request, and one for what an operator must know.

A line holds what the code says and nothing that came from outside: of an exception its type and
place, of a library's line its template, never what was filled in.
"""

import logging
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from api.observing.notes import current
from governance.settings import Settings

log = logging.getLogger("comity")


class BrokenOff(Exception):
    """An answer that has no end; why was told."""


# The server's lines whose values are its own: its process and the address it listens on.
_OWN = ("Started ", "Finished ", "Uvicorn running on ")


def is_told(level: int) -> bool:
    """Whether events of this level are logged at all."""
    return log.isEnabledFor(level)


def tell(level: int, event: str, **fields: Any) -> None:
    """Logs an event. What is passed must be a code, a count or a name of ours."""
    if is_told(level):
        # Made here, since logging would look for the calling line, for longer than all else takes.
        record = logging.LogRecord(log.name, level, "", 0, event, (), None)
        record.fields = fields
        log.handle(record)


def unexpected(error: BaseException, event: str = "unexpected") -> None:
    """Logs that something is wrong with us: its type and place."""
    tell(logging.ERROR, event, error=type(error).__name__, place=place(error))


def place(error: BaseException) -> str:
    """The innermost lines of code on the way to the error, such as `stores.py:61 < auth.py:70`."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    return " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))


class JsonLines(logging.Formatter):
    """A JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        return orjson.dumps(_line(record), default=str, option=orjson.OPT_UTC_Z).decode()


class TextLines(logging.Formatter):
    """The same for people: time, level, event, then key=value."""

    def format(self, record: logging.LogRecord) -> str:
        line = _line(record)
        time, level, event = line.pop("time"), line.pop("level").upper(), line.pop("event")
        told = [f"{key}={_word(value)}" for key, value in line.items()]
        return " ".join([f"{time:%Y-%m-%dT%H:%M:%S.%fZ} {level:7} {event}", *told])


def is_new(record: logging.LogRecord) -> bool:
    """Whether a line says what no other has: the server tells of every answer that breaks off."""
    return not (record.exc_info and isinstance(record.exc_info[1], BrokenOff))


def configuration(settings: Settings) -> dict[str, Any]:
    """A dictConfig: everything goes to the error stream. Other libraries tell warnings alone."""
    level = settings.log_level.upper()
    formatter = {"json": JsonLines, "text": TextLines}[settings.log_format]
    name = f"{formatter.__module__}.{formatter.__name__}"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": name}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "lines",
                "filters": [is_new],
            }
        },
        "root": {"level": "WARNING", "handlers": ["stderr"]},
        "loggers": {"comity": {"level": level}, "uvicorn": {"level": level}},
    }


def _line(record: logging.LogRecord) -> dict[str, Any]:
    line: dict[str, Any] = {
        "time": datetime.fromtimestamp(record.created, UTC),
        "level": record.levelname.lower(),
        "event": record.msg,
    }
    if request_id := current().request_id:
        line["requestId"] = request_id
    if record.name != "comity":
        return line | _foreign(record)
    return line | getattr(record, "fields", {})


def _foreign(record: logging.LogRecord) -> dict[str, Any]:
    """Another library's line. Only the server's templates are known to hold nothing of ours."""
    told = {
        "event": _template(record) if record.name.startswith("uvicorn") else "told by a library",
        "logger": record.name,
        "place": f"{record.module}:{record.lineno}",
    }
    if record.exc_info and record.exc_info[1] is not None:
        error = record.exc_info[1]
        told |= {"error": type(error).__name__, "place": place(error)}
    return told


def _template(record: logging.LogRecord) -> str:
    text = str(record.msg) if isinstance(record.msg, str) else type(record.msg).__name__
    if text.startswith(_OWN):
        text = record.getMessage()
    return text.partition("\n")[0]


def _word(value: Any) -> str:
    if isinstance(value, dict):
        return ",".join(f"{key}:{count}" for key, count in value.items())
    return str(value)
