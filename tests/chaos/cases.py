"""The model: what the nodes answered, and what has to follow from it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from api.network import Site

ACCOUNTS = [f"acct:person{number}@elsewhere.example" for number in range(12)]


def alias_of(account: str) -> str:
    """The other name of an account."""
    return account.replace("acct:", "acct:also-")


@dataclass(slots=True)
class Case:
    """A sanction that was answered, and what was answered of it since."""

    id: str
    site: Site
    domain: str
    account: str
    source: "Case | None" = None
    has_own_grounds: bool = False
    is_overturned: bool = False
    is_lifted: bool = False
    is_erased: bool = False
    waits_for_erasure: bool = False  # an appeal is open; who knows when it is over

    @property
    def echoed(self) -> "Case | None":
        """What it rests on, and nothing else."""
        return None if self.has_own_grounds else self.source

    def must_be_overturned(self) -> bool:
        return self.is_overturned or bool(self.echoed and self.echoed.must_be_overturned())

    def must_be_over(self) -> bool:
        own = self.is_overturned or self.is_lifted
        return own or bool(self.echoed and self.echoed.must_be_over())

    def told(self) -> str:
        """What is known of it and of what it was taken over from, in a line."""
        marks = ("has_own_grounds", "is_overturned", "is_lifted", "is_erased", "waits_for_erasure")
        said = " ".join([self.id, *(mark for mark in marks if getattr(self, mark))])
        return f"{said} from {self.source.told()}" if self.source else said

    def is_corrected(self) -> bool:
        """Whether something is due of who took it over."""
        return self.is_overturned or self.is_lifted or bool(self.source and self.must_be_over())


@dataclass(slots=True)
class Model:
    """Everything that was answered."""

    cases: dict[str, Case] = field(default_factory=dict)

    def add(self, case: Case) -> None:
        self.cases[case.id] = case

    def of(self, site: Site) -> list[Case]:
        return [case for case in list(self.cases.values()) if case.site is site]

    def suspending(self, account: str) -> Iterator[str]:
        """What suspends an account, whoever asks."""
        for case in self.cases.values():
            if case.account == account and not (case.must_be_over() or case.is_erased):
                yield case.id

    def uncertain(self) -> set[str]:
        """What may have been erased, or not yet."""
        return {case.id for case in self.cases.values() if case.waits_for_erasure}
