"""Blocks of whole servers, as the Fediverse's lists word them."""

import re
from datetime import datetime
from ipaddress import IPv6Address

from governance.drafts import SanctionDraft
from governance.errors import InvalidInput
from governance.fields import validated
from governance.hosts import BadUri
from governance.identifiers import SubjectKind, parse_subject
from governance.importing.runs import NOT_STATED
from governance.vocabulary import Category, Keyword
from governance.words import Automation, Ground, Measure, Source

SEVERITIES = {
    "suspend": Measure.SERVER_SUSPENDED,
    "silence": Measure.SERVER_LIMITED,
    "limit": Measure.SERVER_LIMITED,  # what Mastodon's pages call silence
    "noop": Measure.WARNING,
    "none": Measure.WARNING,
}

# The file's column behind a field of the draft.
COLUMNS = {
    "subject": "domain",
    "measure": "severity",
    "facts": "public_comment",
    "reason": "public_comment",
    "explanation": "public_comment",
}

# What words of a comment say in the EU's terms, the gravest first: a list gives one comment, which
# may name several things, and a sanction has one category.
_MEANINGS = (
    (
        r"csam|csem|child (?:sexual|porn|abuse)",
        "PROTECTION_OF_MINORS",
        "CHILD_SEXUAL_ABUSE_MATERIAL",
    ),
    (r"grooming", "PROTECTION_OF_MINORS", "GROOMING_SEXUAL_ENTICEMENT_MINORS"),
    (r"underage|minors|loli|shota|pedo|paedo", "PROTECTION_OF_MINORS", "OTHER"),
    (r"terroris", "RISK_FOR_PUBLIC_SECURITY", "TERRORIST_CONTENT"),
    (
        r"hate|hateful|nazi|fascis|racis|antisemit|anti semit|islamophob|transphob|homophob"
        r"|anti lgbt|anti trans|white supremac|misogyn|alt right|ableis",
        "ILLEGAL_OR_HARMFUL_SPEECH",
        "HATE_SPEECH",
    ),
    (r"discriminat|bigot", "ILLEGAL_OR_HARMFUL_SPEECH", "DISCRIMINATION"),
    (r"defam", "ILLEGAL_OR_HARMFUL_SPEECH", "DEFAMATION"),
    (r"incit|calls? for violence|violent extrem", "VIOLENCE", "INCITEMENT_VIOLENCE_HATRED"),
    (r"gore|violence", "VIOLENCE", "OTHER"),
    (r"non ?consensual|ncii|revenge porn", "CYBER_VIOLENCE", "NON_CONSENSUAL_IMAGE_SHARING"),
    (r"stalk", "CYBER_VIOLENCE", "CYBER_STALKING"),
    (r"harass|doxx?|brigad", "CYBER_VIOLENCE", "CYBER_HARASSMENT"),
    (r"bully", "CYBER_VIOLENCE", "CYBER_BULLYING_INTIMIDATION"),
    (r"self harm|suicid", "SELF_HARM", "OTHER"),
    (
        r"disinfo|misinfo|conspirac|propaganda",
        "NEGATIVE_EFFECTS_ON_CIVIC_DISCOURSE_OR_ELECTIONS",
        "MISINFORMATION_DISINFORMATION",
    ),
    (r"phish", "SCAMS_AND_FRAUD", "PHISHING"),
    (r"impersonat", "SCAMS_AND_FRAUD", "IMPERSONATION_ACCOUNT_HIJACKING"),
    (
        r"cib|coordinated inauthentic|botnet|fake accounts?|farming",
        "SCAMS_AND_FRAUD",
        "INAUTHENTIC_ACCOUNTS",
    ),
    (r"scam|fraud|spam", "SCAMS_AND_FRAUD", "OTHER"),
    (r"pirac|copyright", "INTELLECTUAL_PROPERTY_INFRINGEMENTS", "COPYRIGHT_INFRINGEMENT"),
    (r"porn|explicit content|sexual content", "OTHER_VIOLATION_TC", "ADULT_SEXUAL_MATERIAL"),
    (r"nudity|nsfw", "OTHER_VIOLATION_TC", "NUDITY"),
)
MEANINGS = tuple(
    (re.compile(rf"\b(?:{words})"), Category(category), Keyword(keyword))
    for words, category, keyword in _MEANINGS
)


def is_obfuscated(domain: str) -> bool:
    return "*" in domain


def server_uri(domain: str) -> str:
    """The canonical URI of a server named by its domain, or by an IP address."""
    domain = domain.strip()
    if not domain:
        raise InvalidInput("expected a domain, got none", path=["domain"])
    if is_obfuscated(domain):
        raise InvalidInput("expected a whole domain; this one is obfuscated", path=["domain"])
    host = f"[{domain}]" if _is_ipv6(domain) else domain
    try:
        subject = parse_subject(f"https://{host}")
    except BadUri as error:
        raise InvalidInput(str(error), path=["domain"]) from None
    if SubjectKind.SERVER not in subject.kinds:
        raise InvalidInput("expected a domain alone, without a path", path=["domain"])
    return subject.uri


def severity(text: str) -> Measure:
    measure = SEVERITIES.get(text.strip().lower())
    if measure is None:
        raise InvalidInput(
            f"expected suspend, silence or noop, got {text[:40]!r}", path=["severity"]
        )
    return measure


def classified(comment: str) -> tuple[Category, list[Keyword]]:
    """The category of the gravest thing that a comment names, and all its keywords named."""
    text = re.sub(r"[\s_-]+", " ", comment.lower())
    found = [(category, keyword) for words, category, keyword in MEANINGS if words.search(text)]
    if not found:
        return Category.OTHER_VIOLATION_TC, [Keyword.OTHER]
    first = found[0][0]
    keywords: list[Keyword] = [keyword for category, keyword in found if category is first]
    return first, [k for k in keywords if k is not Keyword.OTHER] or [Keyword.OTHER]


def server_draft(
    uri: str,
    measure: Measure,
    comment: str,
    *,
    reference: str,
    is_public: bool,
    case: str | None = None,
    expires_at: datetime | None = None,
    supersedes: str | None = None,
) -> SanctionDraft:
    """The decision that a list shows: taken by its moderators, on grounds it seldom states."""
    category, keywords = classified(comment)
    text = comment.strip() or None
    return validated(
        SanctionDraft,
        {
            "measure": measure,
            "ground": Ground.INCOMPATIBLE_CONTENT,
            "ground_reference": NOT_STATED,
            "category": category,
            "keywords": keywords,
            "expires_at": expires_at,
            "is_automated_detection": False,
            "automation": Automation.NOT_AUTOMATED,
            "source": Source.OWN_INITIATIVE,
            "reason": text or NOT_STATED,
            "explanation": text if is_public else None,
            "facts": None if is_public else text,
            "issuer_reference": reference,
            "case_reference": case,
            "subject": uri,
            "supersedes": supersedes,
        },
    )


def _is_ipv6(domain: str) -> bool:
    try:
        return bool(IPv6Address(domain))
    except ValueError:
        return False
