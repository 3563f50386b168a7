"""Inventing decisions: subjects, measures, reasons in believable shares."""

from base64 import b32encode
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any, TypeVar

from governance.demonstration import figures, words
from governance.identifiers import SubjectKind
from governance.requesting import Request, draft
from governance.rules.policy import CONTENT_MEASURES
from governance.vocabulary import Category, ContentType
from governance.words import Audience, Ground, Measure, PermanentBasis, Source

DAY = timedelta(days=1)
T = TypeVar("T")

OTHER_MEASURES = {
    Measure.CONTENT_OTHER: "The post no longer counts towards trends.",
    Measure.MONETIZATION_OTHER: "Payments go out a month later than usual.",
}
TYPES = (ContentType.TEXT, ContentType.IMAGE, ContentType.VIDEO, ContentType.PRODUCT)
LANGUAGES = ("de", "en", "es", "fr", "it", "nl", "pl", "pt")
COUNTRIES = ("AT", "BE", "DE", "ES", "FR", "IE", "NL", "PL", "PT", "SE")


class Inventor:
    """Invents from one source of randomness, so that the same seed gives the same world."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self._numbers = count(1)
        self._categories = figures.categories()
        self._of_bans = tuple(entry for entry in self._categories if entry[1] in _OF_BANS)
        self._content = figures.content_measures()

    def weighted(self, choices: Sequence[tuple[float, T]]) -> T:
        weights = [weight for weight, _ in choices]
        return self.random.choices([choice for _, choice in choices], weights)[0]

    def platform(self) -> str:
        return self.weighted([(share, domain) for domain, _, share in words.PLATFORMS])

    def handle(self) -> str:
        pair = self.random.choice(words.ADJECTIVES), self.random.choice(words.NOUNS)
        return f"{'_'.join(pair)}{next(self._numbers)}"

    def account(self, platform: str) -> str:
        """A new account: mostly of the platform itself, else of another one or of none here."""
        host = self.weighted(
            [(6, platform), (3, self.platform()), (1, self.random.choice(words.ELSEWHERE)), (1, "")]
        )
        if not host:
            return "did:plc:" + b32encode(self.random.randbytes(15)).decode().lower()
        if self.random.random() < 0.1:
            return f"https://{host}/users/{self.handle()}"
        return f"acct:{self.handle()}@{host}"

    def content(self, platform: str) -> str:
        return f"https://{platform}/posts/{self.random.getrandbits(48):012x}"

    def content_measure(self) -> Measure:
        return self.weighted(self._content)

    def case_reference(self) -> str:
        return f"case-{self.random.getrandbits(32):08x}"

    def server(self) -> str:
        return f"https://{self.random.choice(words.SERVERS)}-{next(self._numbers)}.example"

    def subject(self, measure: Measure, platform: str) -> str:
        if measure in CONTENT_MEASURES:
            return self.content(platform)
        return self.server() if measure.startswith("SERVER_") else self.account(platform)

    def length(self, measure: Measure) -> timedelta | None:
        """How long a measure usually lasts; None without an end. Time-outs follow the ladder."""
        days: tuple[int | None, ...] = (3, 7, 14, 30)
        if measure is Measure.WARNING or measure is Measure.ACCOUNT_TERMINATED:
            return None
        if measure in CONTENT_MEASURES:
            days = (None, None, None, 90, 365)
        elif measure.startswith(("SERVER_", "MONETIZATION_")):
            days = (30, 60, 90, 120)
        chosen = self.random.choice(days)
        return None if chosen is None else chosen * DAY

    def request(
        self,
        at: datetime,
        platform: str,
        measure: Measure,
        *,
        length: timedelta | None,
        subject: str | None = None,
        is_outside: bool = False,
        **given: Any,
    ) -> Request:
        """A decision; `given` overrides single fields of its draft."""
        random = self.random
        subject = subject or self.subject(measure, platform)
        reasons = given if "category" in given else self._reasons(measure, is_outside, platform)
        raw = {
            "measure": measure,
            "other_measure": OTHER_MEASURES.get(measure),
            "subject": subject,
            "aliases": self._aliases(subject),
            "issuer_reference": f"{platform.partition('.')[0].upper()}-{next(self._numbers):05d}",
            "conduct_from": at - random.randint(2, 20) * timedelta(hours=1),
            "conduct_to": at - random.randint(5, 110) * timedelta(minutes=1),
            "expires_at": length and (given.get("effective_at") or at) + length,
            "automation": self.weighted(figures.AUTOMATION_OF_PEOPLE),
            "audience": self.weighted([(14, Audience.PARTNERS), (1, Audience.OWN)]),
            **reasons,
            "is_automated_detection": self._is_detected(reasons["source"], reasons["category"]),
        }
        if measure in CONTENT_MEASURES:
            raw |= self._of_content(at)
        if measure is Measure.WARNING:
            raw["subject_kind"] = SubjectKind.ACCOUNT
        if is_outside:
            raw |= {"ground": Ground.ILLEGAL_CONTENT, "explanation": words.COURT_ORDER}
        return Request(draft({**raw, **given}), is_outside=is_outside)

    def _aliases(self, subject: str) -> list[str]:
        """For some accounts, the address of the profile too."""
        handle, at, host = subject.removeprefix("acct:").partition("@")
        return [f"https://{host}/users/{handle}"] if at and self.random.random() < 0.2 else []

    def _basis(self, measure: Measure, is_outside: bool) -> PermanentBasis | None:
        if measure is not Measure.ACCOUNT_TERMINATED or is_outside:
            return None
        return self.random.choice(list(PermanentBasis))

    def _reasons(self, measure: Measure, is_outside: bool, platform: str) -> dict[str, Any]:
        """Category, keywords, ground, source and texts that belong together."""
        random = self.random
        basis = self._basis(measure, is_outside)
        category = self.weighted(self._of_bans if basis else self._categories)
        keywords, clause, law = words.CATEGORIES[category]
        is_illegal = law is not None and random.random() < figures.ILLEGAL
        text = words.BASES[basis] if basis else random.choice(words.EXPLANATIONS[category])
        number = clause.removeprefix("Rule ").partition(",")[0]
        rule = {"rule": clause, "version": "3", "url": f"https://{platform}/rules#{number}"}
        return {
            "permanent_basis": basis,
            "category": category,
            "keywords": random.sample(keywords, random.randint(0, min(2, len(keywords)))),
            "ground": Ground.ILLEGAL_CONTENT if is_illegal else Ground.INCOMPATIBLE_CONTENT,
            "ground_reference": law if is_illegal else clause,
            "policy_reference": None if is_illegal else rule,
            "territorial_scope": random.sample(COUNTRIES, 2) if is_illegal else [],
            "explanation": text if random.random() < 0.9 else None,
            "reason": f"{text} This is against: {law if is_illegal else clause}.",
            "facts": text if random.random() < 0.2 else None,
            "source": self.weighted(figures.SOURCES),
        }

    def _is_detected(self, source: Source, category: Category) -> bool:
        """By machines alone; what others reported wasn't."""
        found = figures.detection(category)
        return source is Source.OWN_INITIATIVE and self.random.random() < found

    def _of_content(self, at: datetime) -> dict[str, Any]:
        return {
            "content_type": [self.random.choice(TYPES)],
            "content_date": at - self.random.randint(1, 40) * DAY,
            "content_language": self.random.choice(LANGUAGES),
        }


_OF_BANS = {Category.SCAMS_AND_FRAUD, Category.OTHER_VIOLATION_TC}
