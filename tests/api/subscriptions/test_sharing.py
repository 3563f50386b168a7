"""What following costs: subscribers alike share one statement and one encoded answer a batch."""

from contextlib import ExitStack

from tests.api.subscriptions.living import Live, following
from tests.builders import Team
from tests.waiting import until_so

MANY = 12


def test_subscribers_alike_share_one_statement_a_batch(node: Live, team: Team) -> None:
    with ExitStack() as kept:
        subscribers = [kept.enter_context(following(node, team.reader)) for _ in range(MANY)]
        until_so(lambda: node.followers == [MANY])
        feed = node.app.state.feed
        before = feed.reads
        for _ in range(3):
            issued = node.issue(team.issuer)["sanction"]["id"]
            told = [subscriber.next() for subscriber in subscribers]
            assert all(event == told[0] for event in told)
            assert told[0]["sanction"]["id"] == issued
        assert feed.reads - before == 3


def test_what_differs_is_read_apart(node: Live, team: Team, partner: Team) -> None:
    everyone = [None, team.researcher, team.reader, team.admin, partner.reader]
    with ExitStack() as kept:
        for by in everyone:
            kept.enter_context(following(node, by))
        kept.enter_context(following(node, filter={"types": ["NOTICE_DUE"]}))
        # The public and researchers, members of one platform, of the other, and another filter.
        until_so(lambda: sorted(node.followers) == [1, 1, 2, 2])
    until_so(lambda: not node.followers)


def test_the_same_cursor_in_another_variable_is_still_alike(node: Live, team: Team) -> None:
    first, second = (node.issue(team.issuer) for _ in range(2))
    assert first != second
    with following(node) as subscriber:
        cursors = [event["cursor"] for event in subscriber.take(2)]
    with following(node, after=cursors[0]) as one, following(node, after=cursors[1]) as other:
        until_so(lambda: node.followers == [2])
        one.next()
        assert other.is_quiet(0.01)


def test_nobody_who_follows_means_nothing_is_asked(node: Live, team: Team) -> None:
    with following(node):
        pass
    node.issue(team.issuer)
    before = node.statements
    with following(node, team.reader) as subscriber:
        subscriber.next()
    asked = node.statements
    assert asked > before
    node.client.get("/health/live")
    assert node.statements == asked
