"""Filing appeals, and the secret that lets a person act without a login."""

from datetime import datetime

import pytest
from sqlmodel import select

from governance.appeals import AppealMessage
from governance.appellants import Moved
from governance.errors import RefusalCode, Refused
from governance.settings import token_hash
from governance.words import AppealMove, AppealState, Author, Outcome
from tests.builders import DAY, HOUR, MICRO, NOW, Team, World, refused

M = AppealMove


@pytest.mark.parametrize("name", ["issuer", "reviewer", "admin", "bot"])
def test_the_platform_files_for_its_user(world: World, team: Team, name: str) -> None:
    sanction_id = world.issue(team.issuer)
    appeal = world.appeal(world.file(getattr(team, name), sanction_id).appeal_id)
    assert (appeal.filed_by, appeal.state) == (Author.PLATFORM, AppealState.FILED)
    assert appeal.due_at == NOW + 14 * DAY


@pytest.mark.parametrize("name", ["reader", "researcher"])
def test_those_who_only_read_file_nothing(world: World, team: Team, name: str) -> None:
    sanction_id = world.issue(team.issuer)
    with refused(world, RefusalCode.FORBIDDEN):
        world.file(getattr(team, name), sanction_id)


def test_nobody_files_without_a_credential_or_the_secret(world: World, team: Team) -> None:
    for wanted in (world.issue(team.issuer), "san_absent"):
        with refused(world, RefusalCode.UNAUTHENTICATED):
            world.file(None, wanted)


def test_absent_not_yours_and_a_wrong_secret_are_the_same(world: World, team: Team) -> None:
    sanction = world.issued(team.issuer)
    other = world.issued(world.team().issuer)
    stranger = world.team().admin
    for wanted in (sanction.sanction_id, "san_absent"):
        with refused(world, RefusalCode.NOT_FOUND, "sanctionId"):
            world.file(stranger, wanted)
    messages = set()
    for wanted, secret in [
        (sanction.sanction_id, "wrong"),
        (sanction.sanction_id, other.appeal_secret),
        ("san_absent", sanction.appeal_secret),
    ]:
        with refused(world, RefusalCode.NOT_FOUND, "sanctionId"):
            try:
                world.file(None, wanted, secret=secret)
            except Refused as refusal:
                messages.add(refusal.message)
                raise
    assert len(messages) == 1


def test_the_secret_stands_in_for_a_credential(world: World, team: Team) -> None:
    sanction = world.issued(team.issuer)
    filed = world.file(None, sanction.sanction_id, secret=sanction.appeal_secret)
    assert world.appeal(filed.appeal_id).filed_by is Author.APPELLANT
    with world.database.reading() as session:
        [message] = session.exec(select(AppealMessage)).all()
    assert (message.author, message.text) == (Author.APPELLANT, "It wasn't me")


def test_the_first_use_of_a_secret_mints_the_next(world: World, team: Team) -> None:
    sanction = world.issued(team.issuer)
    filed = world.file(None, sanction.sanction_id, secret=sanction.appeal_secret)
    assert filed.appeal_secret not in (None, sanction.appeal_secret)
    row = world.sanction(sanction.sanction_id)
    assert (row.secret_generation, row.secret_hash) == (1, token_hash(filed.appeal_secret or ""))
    with refused(world, RefusalCode.NOT_FOUND, "appealId"):  # the old one is dead
        world.move(None, filed.appeal_id, M.WITHDRAW, appeal_secret=sanction.appeal_secret)
    moved = world.move(None, filed.appeal_id, M.WITHDRAW, appeal_secret=filed.appeal_secret)
    assert moved.appeal_secret is None  # the next one stays
    again = world.file(None, sanction.sanction_id, secret=filed.appeal_secret)
    assert again.appeal_secret is None


def test_the_same_filing_within_an_hour_gets_the_same_answer(world: World, team: Team) -> None:
    sanction = world.issued(team.issuer)

    def file(now: datetime) -> Moved:
        return world.file(None, sanction.sanction_id, now, sanction.appeal_secret)

    first = file(NOW)
    before = world.snapshot()
    assert file(NOW + HOUR - MICRO) == first
    assert world.snapshot() == before
    with refused(world, RefusalCode.NOT_FOUND):
        file(NOW + HOUR)


def test_another_filing_with_the_used_secret_is_no_retry(world: World, team: Team) -> None:
    sanction = world.issued(team.issuer)
    world.file(None, sanction.sanction_id, secret=sanction.appeal_secret)
    with refused(world, RefusalCode.NOT_FOUND):
        world.file(
            None, sanction.sanction_id, secret=sanction.appeal_secret, grounds="Other grounds"
        )


def test_a_refused_filing_uses_nothing_up(world: World, team: Team) -> None:
    sanction = world.issued(team.issuer)
    world.file(team.admin, sanction.sanction_id)
    with refused(world, RefusalCode.APPEAL_OPEN):
        world.file(None, sanction.sanction_id, secret=sanction.appeal_secret)


def test_one_open_appeal_a_sanction(world: World, team: Team) -> None:
    sanction_id = world.issue(team.issuer)
    world.file(team.admin, sanction_id)
    with refused(world, RefusalCode.APPEAL_OPEN):
        world.file(team.issuer, sanction_id)


def test_after_the_platforms_appeal_the_person_may_still_file(world: World, team: Team) -> None:
    sanction = world.issued(team.issuer)
    world.decide(team.reviewer, world.in_review(team, sanction.sanction_id), Outcome.UPHELD)
    with refused(world, RefusalCode.ESCALATE_INSTEAD):
        world.file(team.admin, sanction.sanction_id)
    own = world.file(None, sanction.sanction_id, secret=sanction.appeal_secret)
    world.move(team.reviewer_2, own.appeal_id, M.ADMIT)
    world.move(team.reviewer_2, own.appeal_id, M.START_REVIEW)
    world.decide(team.reviewer_2, own.appeal_id, Outcome.UPHELD)
    with refused(world, RefusalCode.ESCALATE_INSTEAD):
        world.file(None, sanction.sanction_id, secret=own.appeal_secret)
    with refused(world, RefusalCode.ESCALATE_INSTEAD):
        world.file(team.admin, sanction.sanction_id)


@pytest.mark.parametrize("undo", ["void", "overturn"])
def test_only_a_standing_sanction_is_appealed_against(world: World, team: Team, undo: str) -> None:
    sanction_id = world.issue(team.issuer)
    getattr(world, undo)(team.issuer, sanction_id)
    with refused(world, RefusalCode.CONFLICT):
        world.file(team.admin, sanction_id)


def test_the_window_closes_after_183_days(world: World, team: Team) -> None:
    sanction_id = world.issue(team.issuer)
    with refused(world, RefusalCode.APPEAL_WINDOW_CLOSED):
        world.file(team.admin, sanction_id, NOW + 183 * DAY)
    world.file(team.admin, sanction_id, NOW + 183 * DAY - MICRO)


def test_the_window_stays_open_while_in_force(world: World, team: Team) -> None:
    sanction_id = world.terminate(team.issuer)
    world.approve(team.reviewer, sanction_id)
    assert isinstance(world.file(team.admin, sanction_id, NOW + 2000 * DAY), Moved)


def test_a_lapsed_or_withdrawn_appeal_bars_nothing(world: World, team: Team) -> None:
    sanction_id = world.issue(team.issuer)
    appeal_id = world.in_review(team, sanction_id)
    world.move(team.reviewer, appeal_id, M.ASK, message="Where were you?")
    with refused(world, RefusalCode.APPEAL_OPEN):
        world.file(team.admin, sanction_id, NOW + 14 * DAY - MICRO)
    second = world.file(team.admin, sanction_id, NOW + 14 * DAY).appeal_id
    world.move(team.admin, second, M.WITHDRAW, NOW + 14 * DAY)
    world.file(team.admin, sanction_id, NOW + 14 * DAY)
