"""What a log's entries must be to each other, checked one after another.

A node can sign whatever it likes; these are the rules that let others see when it wrote something
that it should not have. Cases are all that grows in memory, with some 200 bytes each.
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any

from governance.log.authorship import check_decision, check_handover, check_key, parse_key
from governance.log.errors import Malformed, Unproven
from governance.log.leaves import BEGINS, Leaf, Place
from governance.log.signers import Verifier, parse_verifier
from governance.log.tree import HASH_BYTES

KEY_REGISTERED, KEY_RETIRED = "key.registered", "key.retired"
LOG_KEY_ROTATED, LOG_BEGUN = "log.key_rotated", "log.begun"
KINDS_OF_KEYS = frozenset({KEY_REGISTERED, KEY_RETIRED, LOG_KEY_ROTATED, LOG_BEGUN})

# What others than the platform that began a case tell of it, here or in another log.
_TOLD_BY_OTHERS = re.compile(r"notice\.recorded|receipt\..*")
_DOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})+")
STRANGER = "the log's new key has the name of another log"
_MARK_BYTES = 4
_NOT_BEGUN = b"\xff" * _MARK_BYTES  # in the place of the platform that began a case


class History:
    """The rules between the entries of one log, which are told in order.

    `trusted` grows by the keys that a trusted key handed the log over to, and that have its name.
    """

    def __init__(self, origin: str, trusted: Iterable[Verifier]) -> None:
        self.origin, self._given = origin, frozenset(trusted)
        self.trusted = set(self._given)
        self._newest_key: Verifier | None = None
        self.rotated_at: int | None = None  # the entry that says which key is the newest
        self._told = 0
        self._stranger: tuple[int, str] | None = None  # see `stranger`
        self._latest = ""
        self._seqs: dict[str | None, int] = {}  # the next, by platform
        self._marks: dict[str | None, bytes] = {}  # what stands for a platform, as it is short
        self._cases: dict[int, bytes] = {}  # mark of the platform that began it, newest hash
        self._keys: dict[str | None, set[bytes]] = {}
        self.unknown: list[str] = []  # logs closed by a key that isn't known
        self.lost: list[str] = []  # logs closed since their key was lost, by nobody's proof

    def follow(self, leaf: Leaf, leaf_hash: bytes) -> None:
        """Tell the next entry. Malformed or Unproven says the first thing that is wrong with it;
        it counts all the same, so that what follows it is checked as if nothing were."""
        self.place(leaf.place, leaf_hash)
        self._check_keys(leaf)

    def place(self, place: Place, leaf_hash: bytes) -> None:
        """The same of an entry that isn't signed, and is of no `KINDS_OF_KEYS`."""
        kind, platform, case, logged_at, previous, seq = place
        self._told += 1
        expected = self._seqs.get(platform)
        if expected is None:
            expected = self._met(platform)
        self._seqs[platform] = seq + 1
        latest = self._latest
        if logged_at > latest:
            self._latest = logged_at
        held, begun = None, _NOT_BEGUN
        if case is not None:
            held = self._cases.get(case)
            if held is not None:
                begun = held[:_MARK_BYTES]
            begins = kind == BEGINS and begun == _NOT_BEGUN
            self._cases[case] = (self._marks[platform] if begins else begun) + leaf_hash
        if seq != expected:
            raise Unproven(f"seq is {seq}, and {expected} comes next for {_who(platform)}")
        if logged_at < latest:
            raise Unproven(f"loggedAt is {logged_at}, before {latest} of an earlier entry")
        if case is not None and (held is not None or kind != BEGINS):
            _check_case(kind, platform, begun, self._marks[platform])
        if held is not None or previous is not None:
            _check_previous(previous, held)

    def _met(self, platform: str | None) -> int:
        """The first number of a platform that is told of for the first time."""
        if platform is not None and not _DOMAIN.fullmatch(platform):
            raise Malformed("the decision's platform isn't a domain")
        self._marks[platform] = len(self._marks).to_bytes(_MARK_BYTES, "big")
        return 0

    def _check_keys(self, leaf: Leaf) -> None:
        """Signatures, and the entries that say whose hold."""
        kind, keys = leaf.decision["type"], self._keys.get(leaf.platform, set())
        if kind == KEY_REGISTERED:
            self._keys[leaf.platform] = _registered(leaf, keys)
            keys = keys | self._keys[leaf.platform]  # the old key may sign, and the new one
        if kind == KEY_RETIRED:
            self._keys[leaf.platform] = keys - {_held(leaf, leaf.decision.get("key"), keys)}
        if leaf.signature is not None and check_decision(leaf.signature, leaf.signed) not in keys:
            raise Unproven(
                f"it is signed with a key that {_who(leaf.platform)} hasn't, or no longer"
            )
        if kind in (LOG_KEY_ROTATED, LOG_BEGUN):
            self._rotate(leaf)

    def _rotate(self, leaf: Leaf) -> None:
        told = leaf.decision
        is_lost = told["type"] == LOG_BEGUN and told.get("isKeyLost") is True
        verifier, shown = told.get("verifier"), told.get("origin" if is_lost else "handover")
        if leaf.platform is not None or type(verifier) is not str or type(shown) is not str:
            raise Malformed("a new key of the log is of no platform, and has a verifier, handover")
        successor, before = parse_verifier(verifier), self._newest_key
        self._name(told, successor.name)
        self._newest_key, self.rotated_at = successor, self._told - 1
        if is_lost:
            self.lost.append(shown)  # and nothing is trusted for it
            return
        old = {*self._given, before} if before else self._given
        handed = [key for key in old if _hands_over(key, successor, shown)]
        if not handed:
            self._check_handed(leaf.decision, before)
        if successor.name == self.origin and self.trusted.intersection(handed):
            self.trusted.add(successor)

    def _check_handed(self, told: Mapping[str, Any], before: Verifier | None) -> None:
        """No key that is known did it, which is wrong if that key is known. What was rotated
        before the keys given were in use can't be told."""
        closed = told.get("origin") if told["type"] == LOG_BEGUN else None
        if before or closed in {key.name for key in self._given}:
            raise Unproven("the log's new key isn't signed with the one before it")
        if type(closed) is str:
            self.unknown.append(closed)

    def _name(self, told: Mapping[str, Any], name: str) -> None:
        """A key has the log's name, or that of the log in whose place this one is begun later."""
        closed = told.get("origin") if told["type"] == LOG_BEGUN else name
        if self._stranger is not None and self._stranger[1] != closed:
            raise Unproven(STRANGER)
        self._stranger = None if name == self.origin else (self._told - 1, name)

    @property
    def stranger(self) -> int | None:
        """Which entry has a key of another log that nothing explains, once all were told."""
        return self._stranger[0] if self._stranger else None


def _check_case(kind: str, platform: str | None, begun: bytes, mark: bytes) -> None:
    if kind == BEGINS:
        if begun != _NOT_BEGUN:
            raise Unproven("it begins a case that was begun before")
    elif begun != mark and not _TOLD_BY_OTHERS.fullmatch(kind):
        if begun == _NOT_BEGUN:
            raise Unproven("it is of a case that this log never began")
        raise Unproven(f"it is by {_who(platform)}, and another platform began its case")


def _check_previous(previous: str | None, held: bytes | None) -> None:
    if held is None:
        if previous is not None:
            raise Unproven("previous isn't null, and its case has no earlier entry")
    elif previous is None or b64encode(held[-HASH_BYTES:]) != previous.encode():
        raise Unproven("previous isn't the hash of its case's entry before")


def _registered(leaf: Leaf, keys: set[bytes]) -> set[bytes]:
    """The keys of a platform after one was registered."""
    if leaf.platform is None:
        raise Malformed("a key is registered for no platform")
    text, replaced = leaf.decision.get("key"), leaf.decision.get("replaces")
    key, proof = parse_key(text), leaf.decision.get("proof")
    old = {_held(leaf, replaced, keys)} if replaced is not None else set()
    if type(proof) is not str:
        raise Malformed("a key is registered without its proof")
    check_key(str(text), proof, platform=leaf.platform, replaces=replaced)
    return keys - old | {key}


def _held(leaf: Leaf, text: object, keys: set[bytes]) -> bytes:
    """The key that is replaced or retired."""
    if (old := parse_key(text)) not in keys:
        verb = "replaces" if leaf.decision["type"] == KEY_REGISTERED else "retires"
        raise Unproven(f"it {verb} a key that {_who(leaf.platform)} hasn't")
    return old


def _hands_over(old: Verifier, successor: Verifier, handover: str) -> bool:
    try:
        check_handover(old, successor, handover)
    except Unproven:
        return False
    return True


def _who(platform: str | None) -> str:
    return platform or "the node"
