"""Whether a sanction binds is one answer: of field, filter, figures, status and preview."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from governance.hearing import is_heard
from governance.log.notes import encode
from governance.log.tree import EMPTY_ROOT
from governance.peers import STALE_AFTER, Peer, PeerPlatform
from governance.sanctions import Sanction
from governance.words import PeerState
from tests.api.http.outside import issue_input
from tests.api.worlds import Asking, Cast, asking
from tests.builders import MICRO, NOW, World, examples

TOLD = """query {
  sanctions(first: 1000) { nodes { id isBinding } }
  yes: sanctions(first: 1000, filter: { isBinding: true }) { totalCount nodes { id isBinding } }
  no: sanctions(first: 1000, filter: { isBinding: false }) { totalCount nodes { id isBinding } }
  counted: statistics(groupBy: [], filter: { isBinding: true }) { rows { sanctionCount } }
  left: statistics(groupBy: [], filter: { isBinding: false }) { rows { sanctionCount } }
}"""
STATUS = '{ suspensionStatus(subject: "acct:alice@a.example") { sanctions { id isBinding } } }'
PREVIEW = """query ($input: IssueSanctionInput!) {
  previewSanction(input: $input) { overlaps { id isBinding } }
}"""
VERIFIED = NOW - STALE_AFTER
DOMAINS = ("a.example", "b.example", "c.example")


@dataclass(frozen=True, slots=True)
class Standing:
    """How a peer stands, and whether it may speak for its platform; None where there is none."""

    state: PeerState = PeerState.FOLLOWING
    is_proven: bool = True
    followed_at: datetime = VERIFIED + MICRO
    verified_at: datetime | None = None


STANDINGS = st.none() | st.builds(
    Standing,
    st.sampled_from([s for s in PeerState if s is not PeerState.STALE]),
    st.booleans(),
    st.sampled_from([VERIFIED, VERIFIED + MICRO]),
    st.sampled_from([None, VERIFIED, VERIFIED + MICRO]),
)


class Peers:
    """Peers that speak for platforms of the world, each for one."""

    def __init__(self, world: World, cast: Cast) -> None:
        self.world, self.cast = world, cast

    def stand(self, standings: tuple[Standing | None, ...]) -> None:
        teams = (self.cast.a, self.cast.b, self.cast.c)
        with self.world.database.writing() as session:
            for table in (PeerPlatform, Peer):
                for old in session.exec(select(table)):
                    session.delete(old)
                session.flush()
            for domain, team, one in zip(DOMAINS, teams, standings, strict=True):
                if one is None:
                    continue
                peer = Peer(
                    origin=f"{domain}/log", url=f"https://{domain}", verifiers="",
                    root_hash=encode(EMPTY_ROOT), state=one.state,
                    followed_at=one.followed_at, last_verified_at=one.verified_at,
                )  # fmt: skip
                session.add(peer)
                session.flush()
                ident = team.platform.id
                session.add(
                    PeerPlatform(
                        origin=peer.origin,
                        domain=domain,
                        declared_id=ident,
                        platform_id=ident,
                        is_proven=one.is_proven,
                    )
                )

    def binding(self) -> dict[str, bool]:
        """Whether each sanction binds, by the rules in Python."""
        with self.world.database.reading() as session:
            found = session.exec(select(Sanction)).all()
            heard = {p: is_heard(session, p, NOW) for p in {one.platform_id for one in found}}
            return {one.id: one.is_binding and heard[one.platform_id] for one in found}


@pytest.fixture
def peers(rich_url: str, cast: Cast) -> Iterator[Peers]:
    """Yield the rich world, whose platforms get peers."""
    with World(rich_url) as world:
        yield Peers(world, cast)


def ids(found: dict[str, Any]) -> set[str]:
    return {node["id"] for node in found["nodes"]}


@pytest.mark.property
@examples(15)
@given(standings=st.tuples(STANDINGS, STANDINGS, STANDINGS))
async def test_field_filter_figures_and_status_agree_with_the_rule(
    change: Asking, peers: Peers, standings: tuple[Standing | None, ...]
) -> None:
    peers.stand(standings)
    expected = peers.binding()
    yes, no = (
        {key for key, binds in expected.items() if binds is wanted} for wanted in (True, False)
    )
    told = await change.data(TOLD)
    answered = {node["id"]: node["isBinding"] for node in told["sanctions"]["nodes"]}
    assert answered == expected
    assert (ids(told["yes"]), ids(told["no"])) == (yes, no)
    assert (told["yes"]["totalCount"], told["no"]["totalCount"]) == (len(yes), len(no))
    assert told["counted"]["rows"] == [{"sanctionCount": len(yes)}]
    assert told["left"]["rows"] == [{"sanctionCount": len(no)}]
    status = (await change.data(STATUS, None, peers.cast.a.reader))["suspensionStatus"]
    assert {one["id"] for one in status["sanctions"]} <= yes
    assert all(one["isBinding"] for one in status["sanctions"])


@pytest.mark.property
@examples(15)
@given(standings=st.tuples(STANDINGS, STANDINGS, STANDINGS))
async def test_a_preview_overlaps_with_what_binds(
    change: Asking, peers: Peers, standings: tuple[Standing | None, ...]
) -> None:
    draft = {"input": issue_input(NOW, subject="acct:alice@a.example")}

    async def overlaps() -> list[dict[str, Any]]:
        told = await change.data(PREVIEW, draft, peers.cast.a.issuer)
        found: list[dict[str, Any]] = told["previewSanction"]["overlaps"]
        return found

    peers.stand((None, None, None))
    whole = {one["id"] for one in await overlaps()}
    peers.stand(standings)
    expected = peers.binding()
    found = await overlaps()
    assert {one["id"] for one in found} == {key for key in whole if expected[key]}
    assert all(one["isBinding"] for one in found)


async def test_a_peers_state_alone_changes_what_is_found(rich_url: str, peers: Peers) -> None:
    heard = Standing()
    peers.stand((None, heard, heard))
    before = peers.binding()
    for unheard in (
        Standing(state=PeerState.QUARANTINED),
        Standing(state=PeerState.UNFOLLOWED),
        Standing(followed_at=VERIFIED),
        Standing(is_proven=False),
    ):
        peers.stand((None, heard, unheard))
        after = peers.binding()
        assert after != before
        async with asking(rich_url) as ask:
            found = await ask.data(TOLD)
            assert ids(found["yes"]) == {key for key, binds in after.items() if binds}
