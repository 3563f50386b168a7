"""How codes, instants and figures are told to people."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from api.explorer.names import country, language
from api.schema.enums import KINDS
from governance import vocabulary, words
from governance.fields import parse_instant
from governance.identifiers import SubjectKind
from governance.rules.lifecycle import OPEN
from governance.rules.policy import OUTSIDE_MEASURES
from governance.words import AppealState, Measure, Word

Told = Mapping[str, Any]

# What a platform did, to whom: "suspended" an account.
DEEDS: Mapping[Measure, str] = {
    Measure.WARNING: "warned",
    Measure.CONTENT_REMOVED: "removed",
    Measure.CONTENT_DISABLED: "hid",
    Measure.CONTENT_DEMOTED: "limited the reach of",
    Measure.CONTENT_AGE_RESTRICTED: "age-restricted",
    Measure.CONTENT_INTERACTION_RESTRICTED: "limited replies to",
    Measure.CONTENT_LABELLED: "labelled",
    Measure.CONTENT_OTHER: "restricted",
    Measure.ACCOUNT_SUSPENDED: "suspended",
    Measure.ACCOUNT_TERMINATED: "terminated",
    Measure.SERVICE_RESTRICTED: "closed some features to",
    Measure.SERVICE_SUSPENDED: "closed all features to",
    Measure.MONETIZATION_SUSPENDED: "suspended payments to",
    Measure.MONETIZATION_OTHER: "restricted payments to",
    Measure.SERVER_LIMITED: "limited the reach of",
    Measure.SERVER_SUSPENDED: "cut off",
    Measure.SERVICE_TERMINATED: "closed all features to",
    Measure.MONETIZATION_TERMINATED: "ended payments to",
}
TERMINATIONS = {Measure.ACCOUNT_TERMINATED} | OUTSIDE_MEASURES
_OBJECTS = {
    SubjectKind.ACCOUNT: "an account",
    SubjectKind.CONTENT: "a piece of content",
    SubjectKind.SERVER: "a server",
}
_LATER = {"OVERTURNED": "overturned", "VOIDED": "voided", "SUPERSEDED": "replaced"}
_OPENING = re.compile(r"(?<!\w)'")
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LABELS = {
    "OTHER_VIOLATION_TC": "Other breach of terms",
    "NOT_SPECIFIED_NOTICE": "Not specified in the notice",
    "CONTENT_OTHER": "Content restricted otherwise",
    "MONETIZATION_SUSPENDED": "Payments suspended",
    "MONETIZATION_OTHER": "Payments restricted otherwise",
    "MONETIZATION_TERMINATED": "Payments terminated",
    "NONE": "Nothing restricted",
    "UP_TO_7_DAYS": "1 to 7 days",
    "UP_TO_30_DAYS": "7 to 30 days",
    "UP_TO_90_DAYS": "30 to 90 days",
    "UP_TO_180_DAYS": "90 to 180 days",
    "OPEN_ENDED": "Without an end",
    "CSV": "CSV",
    "NDJSON": "NDJSON",
}

_MEANINGS: Mapping[type[StrEnum], Mapping[Any, str]] = {
    vocabulary.Category: vocabulary.CATEGORY_LABELS,
    vocabulary.Keyword: vocabulary.KEYWORD_LABELS,
    vocabulary.ContentType: vocabulary.CONTENT_TYPE_LABELS,
    SubjectKind: KINDS,
}


def label(code: str | None) -> str:
    """A code as words: `ACCOUNT_SUSPENDED` is "Account suspended"."""
    if code is None:
        return "–"
    return _LABELS.get(code, code.replace("_", " ").capitalize())


@lru_cache(None, typed=True)  # words of two kinds may be the same
def meaning(word: StrEnum) -> str:
    """What a code stands for, as the schema describes it."""
    if isinstance(word, Word):
        return typeset(word.description)
    return typeset(_MEANINGS[type(word)][word])


def typeset(text: str) -> str:
    """A text of the node's own with the apostrophes and quotation marks of print."""
    return _OPENING.sub("‘", text).replace("'", "’")


def deed(sanction: Told) -> str:
    """What was done, as the end of a sentence that begins with the platform."""
    done = f"{DEEDS[sanction['measure']]} {_object(sanction)}"
    if sanction["permanentBasis"]:
        return f"{done} for good: {label(sanction['permanentBasis']).lower()}"
    if sanction["measure"] == Measure.WARNING:
        return done
    if sanction["expiresAt"] is None and sanction["measure"] in TERMINATIONS:
        return f"{done} for good"
    if sanction["expiresAt"] is None:
        return f"{done}, without an end"
    length = parse_instant(sanction["expiresAt"]) - parse_instant(sanction["effectiveAt"])
    return f"{done} for {span(length.total_seconds())}"


def _object(sanction: Told) -> str:
    if sanction["server"]:
        return urlsplit(sanction["server"]).hostname or sanction["server"]
    return _OBJECTS[sanction["subjectKind"]]


def state(sanction: Told) -> str:
    """How it stands now, in a few words."""
    if sanction["effect"] == "PENDING" and sanction["effectiveAt"] <= sanction["issuedAt"]:
        return "waits for a second moderator’s approval"
    if sanction["effect"] == "PENDING":
        return f"begins {day(sanction['effectiveAt'])}"
    if sanction["effect"] == "IN_FORCE":
        until = sanction["expiresAt"]
        return f"in force until {day(until)}" if until else "in force"
    reasons = {
        **_LATER,
        "SOURCE_ENDED": "ended with its source",
        "LIFTED": "lifted early",
        "NOT_APPROVED": "never approved",
        "EXPIRED": "ended",
    }
    told = f"{reasons[sanction['endReason']]} {day(sanction['endedAt'])}"
    is_late = sanction["validity"] not in ("STANDING", sanction["endReason"])
    return f"{told}, later {_LATER[sanction['validity']]}" if is_late else told


def answered(appeal: Told) -> str:
    """How an appeal stands now, in a few words."""
    if appeal["isOverdue"]:
        return f"an answer is overdue since {day(appeal['dueAt'])}"
    if appeal["state"] in OPEN and appeal["state"] != AppealState.AWAITING_APPELLANT:
        return f"{label(appeal['state']).lower()}, an answer is due {day(appeal['dueAt'])}"
    if appeal["state"] == AppealState.DECIDED:
        return f"{label(appeal['outcome']).lower()} {day(appeal['decidedAt'])}"
    if appeal["state"] == AppealState.FINAL:
        return f"{label(appeal['outsideOutcome']).lower()} by an outside body"
    if appeal["state"] == AppealState.INADMISSIBLE:
        why = _within(meant(appeal["inadmissibleCode"], "InadmissibleCode"))
        return f"refused without a review {day(appeal['decidedAt'])}: {why}"
    return _within(meant(appeal["state"], "AppealState"))


def _within(text: str) -> str:
    """A sentence as it goes on within another."""
    return text[:1].lower() + text[1:]


def day(instant: str | datetime) -> str:
    """The day of an instant in UTC: 1 March 2026."""
    return dayname(parse_instant(instant).date())


def dayname(on: date | str) -> str:
    """A date as it is said: 1 March 2026."""
    found = on if isinstance(on, date) else date.fromisoformat(on)
    return f"{found.day} {found:%B %Y}"


def moment(instant: str | datetime) -> str:
    """An instant to the minute: 1 March 2026, 12:00 UTC."""
    return f"{day(instant)}, {parse_instant(instant).astimezone(UTC):%H:%M}\N{NO-BREAK SPACE}UTC"


def span(seconds: float | None) -> str:
    """A length of time in its two largest units at most: 7 days, 3 h 20 min."""
    if seconds is None:
        return "–"
    length = timedelta(seconds=round(seconds))
    minutes = length.seconds // 60
    if length.days >= 3 or (length.days and not minutes // 60):
        return _counted(length.days, "day")
    if length.days or minutes >= 60:
        hours, rest = length.days * 24 + minutes // 60, minutes % 60
        return f"{hours} h {rest} min" if rest and hours < 24 else _counted(hours, "hour")
    return f"{minutes} min" if minutes else f"{length.seconds} s"


def _counted(number: int, noun: str, nouns: str = "") -> str:
    return f"{number:,} {noun if number == 1 else nouns or f'{noun}s'}"


def number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def percent(share: float | None) -> str:
    """A share as a percentage; small ones with a decimal."""
    if share is None:
        return "–"
    if 0 < share < 0.0005:
        return "under 0.1%"
    return f"{share:.1%}" if 0 < share < 0.1 else f"{share:.0%}"


def plural(value: int, noun: str, nouns: str = "") -> str:
    """A number with its noun: 1 sanction, 1,204 sanctions."""
    return _counted(value, noun, nouns)


def begun(text: str) -> str:
    """The text with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def sentence(text: str) -> str:
    """A message as a sentence: a capital at its beginning, a full stop at its end."""
    return f"{begun(typeset(text))}{'' if text.endswith(('.', '?', '!')) else '.'}"


def meant(code: str, kind: str) -> str:
    """What a code of a kind of words stands for."""
    return meaning(getattr(vocabulary if hasattr(vocabulary, kind) else words, kind)[code])


def web(address: str) -> str:
    """An address that a link may lead to; platforms write these."""
    return address if address.lower().startswith(("https://", "http://")) else "#"


def local(address: str) -> str:
    """An address on this node."""
    return address if address.startswith("/") else urlsplit(address).path


def copied(sanction: Told) -> list[Told]:
    """What each other platform did with a sanction: its receipt, beside its copy if it has one."""
    copies = {copy["platform"]["domain"]: copy for copy in sanction["adoptions"]["nodes"]}
    rows: list[Told] = []
    for receipt in sanction["receipts"]["nodes"]:
        rows.append({**receipt, "taken": copies.pop(receipt["platform"]["domain"], None)})
    for copy in copies.values():
        bare = {"state": "ADOPTED", "isOverdue": False, "replacement": None, "dueAt": None}
        rows.append({**bare, "platform": copy["platform"], "at": copy["issuedAt"], "taken": copy})
    return rows


def xml(text: str) -> str:
    """The text without characters that XML 1.0 can't hold."""
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)


FILTERS = {
    "label": label,
    "language": language,
    "country": country,
    "deed": deed,
    "state": state,
    "answered": answered,
    "day": day,
    "dayname": dayname,
    "moment": moment,
    "span": span,
    "number": number,
    "percent": percent,
    "plural": plural,
    "begun": begun,
    "sentence": sentence,
    "meant": meant,
    "meaning": meaning,
    "typeset": typeset,
    "web": web,
    "copied": copied,
    "local": local,
    "xml": xml,
}
