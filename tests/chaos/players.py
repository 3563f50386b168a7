"""What platforms do, at random and all at once, through whatever happens to their node.

A call that isn't answered is made again until it is, as a partner's server would.
"""

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Any

import httpx2

from api.network import Refusal, Site
from api.showing import ADOPT, DECIDE, FILE, ISSUE, MOVE
from governance.fields import print_instant
from tests.chaos.cases import ACCOUNTS, Case, Model, alias_of

PAUSE = 0.02  # seconds at most between two acts of one player
CHANGE = "mutation($i: {}!) {{ {}(input: $i) {{ __typename ... on Refusal {{ message }} }} }}"
ERASE = """mutation($i: EraseSubjectInput!) { eraseSubject(input: $i) { __typename
  ... on SubjectErased { erasedCount } ... on Refusal { message } } }"""
VALIDITY = "query($id: ID!) { sanction(id: $id) { validity endReason } }"


@dataclass
class Player:
    """The platforms of one node."""

    site: Site
    model: Model
    dice: random.Random
    client: httpx2.Client
    skew: float = 0.0  # seconds that the node's clock is wrong
    ended: Event = field(default_factory=Event)
    done: Counter[str] = field(default_factory=Counter)
    said: Counter[str] = field(default_factory=Counter)

    def start(self) -> Thread:
        thread = Thread(target=self._play, daemon=True)
        thread.start()
        return thread

    def _play(self) -> None:
        acts: list[Callable[[], object]] = [self.issue] * 6 + [self.adopt_any] * 6
        acts += [self.overturn, self.appeal, self.appeal, self.lift, self.shorten, self.erase]
        acts += [self.answer, self.answer, self.remedy, self.remedy]
        while not self.ended.is_set():
            act = self.dice.choice(acts)
            try:
                act()
                self.done[act.__name__] += 1
            except Refusal as refusal:
                self.done["refused"] += 1
                self.said[str(refusal)[:60]] += 1
            except IndexError:
                pass  # nothing to do it with yet
            time.sleep(self.dice.random() * PAUSE)

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.skew)

    def soon(self, **span: float) -> str:
        return print_instant(self.now() + timedelta(**span))

    def issue(self, account: str | None = None) -> Case:
        domain = self.dice.choice(self.site.domains)
        account = account or self.dice.choice(ACCOUNTS)
        conduct = self.soon(days=-30, seconds=-self.dice.randrange(10**6))
        told = self._insist(ISSUE, f"{domain} ISSUER", {
            "issuerReference": f"case-{self.dice.random()}", "subject": account,
            "aliases": [alias_of(account)],
            "measure": "ACCOUNT_SUSPENDED", "ground": "INCOMPATIBLE_CONTENT",
            "groundReference": "Rules, 3", "category": "VIOLENCE", "conductFrom": conduct,
            "conductTo": conduct, "expiresAt": self.soon(days=3),
            "reason": "You threatened somebody", "isAutomatedDetection": False,
            "automation": "NOT_AUTOMATED", "source": "OWN_INITIATIVE",
        })  # fmt: skip
        return self._known(Case(told["sanction"]["id"], self.site, domain, account))

    def adopt_any(self) -> None:
        domain = self.dice.choice(self.site.domains)
        fit = [
            case
            for case in list(self.model.cases.values())
            if case.domain != domain and not case.is_overturned and not case.is_erased
        ]
        has_grounds = self.dice.random() < 0.3
        self.adopt(self.dice.choice(fit[-30:]), domain, has_grounds=has_grounds)

    def adopt(self, source: Case, domain: str, *, has_grounds: bool) -> Case:
        told = self._insist(ADOPT, f"{domain} ISSUER", {
            "sanctionId": source.id, "issuerReference": f"copy-{self.dice.random()}",
            "measure": "ACCOUNT_SUSPENDED", "reason": "As they say",
            "expiresAt": self.soon(days=1),
            "ownGrounds": "We saw it, too" if has_grounds else None,
        })  # fmt: skip
        copy = Case(told["sanction"]["id"], self.site, domain, source.account, source, has_grounds)
        return self._known(copy)

    def answer(self) -> None:
        domain = self.dice.choice(self.site.domains)
        fit = [case for case in list(self.model.cases.values()) if case.domain != domain]
        answer = self.dice.choice(["NOTED", "DECLINED", "DISPUTED"])
        source = self.dice.choice(fit[-30:]).id
        given: dict[str, str] = {"sanctionId": source, "answer": answer, "reason": "We see it so"}
        self._change("answerSanction", f"{domain} ISSUER", given)

    def overturn(self, case: Case | None = None) -> None:
        case = case or self._own()
        with_it = {"sanctionId": case.id, "reason": "wrong"}
        self._change_and_look("overturnSanction", "ISSUER", case, with_it)

    def lift(self) -> None:
        case = self._own()
        with_it = {"sanctionId": case.id, "reason": "clemency"}
        self._change_and_look("liftSanction", "ISSUER", case, with_it)

    def shorten(self) -> None:
        case = self._own()
        end = self.soon(hours=self.dice.randrange(1, 48))
        with_it = {"sanctionId": case.id, "reason": "enough", "expiresAt": end}
        self._change_and_look("shortenSanction", "ISSUER", case, with_it)

    def remedy(self) -> None:
        fit = [c for c in self.model.of(self.site) if c.source and c.source.is_corrected()]
        case = self.dice.choice(fit)
        with_it = {"sanctionId": case.id, "remedy": "REMEDIED"}
        self._change_and_look("recordRemedy", "ISSUER", case, with_it)

    def appeal(self) -> None:
        case = self._own()
        by = f"{case.domain} REVIEWER"
        asked = {"sanctionId": case.id, "grounds": "Not me"}
        appeal = self._insist(FILE, f"{case.domain} ADMIN", asked)["appeal"]["id"]
        for move in ("ADMIT", "START_REVIEW"):
            self._insist(MOVE, by, {"appealId": appeal, "move": move})
        outcome = self.dice.choice(["OVERTURNED", "UPHELD"])
        decided = {"appealId": appeal, "outcome": outcome, "statement": "Our reasons"}
        try:
            self._insist(DECIDE, by, decided)
            case.is_overturned |= outcome == "OVERTURNED"
        finally:
            self._look(case)

    def erase(self) -> None:
        case = self._own()
        with_it = {"sanctionId": case.id, "reason": "asked to"}
        told = self._insist(ERASE, f"{case.domain} ADMIN", with_it)
        if told["erasedCount"]:
            case.is_erased = True
        elif not case.is_erased:
            case.waits_for_erasure = True

    def _own(self) -> Case:
        return self.dice.choice(self.model.of(self.site))

    def _known(self, case: Case) -> Case:
        self.model.add(case)
        return case

    def _change_and_look(self, name: str, role: str, case: Case, given: dict[str, str]) -> None:
        """Whether it is done or was, the node's answer holds: one may have been lost."""
        try:
            self._change(name, f"{case.domain} {role}", given)
        finally:
            self._look(case)

    def _look(self, case: Case) -> None:
        found = self._insist(VALIDITY, None, None, id=case.id)
        case.is_overturned |= found["validity"] == "OVERTURNED"
        case.is_lifted |= found["endReason"] in ("LIFTED", "SOURCE_ENDED")

    def _change(self, name: str, by: str, given: dict[str, str]) -> Any:
        return self._insist(CHANGE.format(f"{name[0].upper()}{name[1:]}Input", name), by, given)

    def _insist(self, query: str, by: str | None, given: object, **variables: object) -> Any:
        """The answer to a call, made until there is one."""
        if given is not None:
            variables["i"] = given
        while True:
            try:
                return self.site.ask(self.client, query, by, **variables)
            except Refusal:
                raise
            except (httpx2.HTTPError, ValueError) as error:
                self.said[type(error).__name__] += 1
            except RuntimeError as error:
                self.said[str(error)[:60]] += 1
            self.done["unanswered"] += 1
            time.sleep(0.1)
