"""The words of the domain that are codes: each value equals its name and says what it means."""

from enum import StrEnum


class Word(StrEnum):
    """A code with its meaning, which the schema and the documentation print."""

    description: str

    def __new__(cls, value: str, description: str) -> "Word":
        word = str.__new__(cls, value)
        word._value_ = value
        word.description = description
        return word


class Role(Word):
    """What a member may do for its platform."""

    READER = "READER", "A server that asks"
    ISSUER = "ISSUER", "Issues, approves, shortens, lifts and voids sanctions"
    REVIEWER = "REVIEWER", "Answers appeals and approves terminations"
    ADMIN = "ADMIN", "Erases subjects of its own platform's records"
    RESEARCHER = "RESEARCHER", "Sees what the public sees, in bulk, and selections"


class MemberKind(Word):
    """Whether a person or an unattended service acts."""

    PERSON = "PERSON", "A human being"
    SERVICE = "SERVICE", "A program without a human in the loop"


class Measure(Word):
    """What a sanction does to its subject."""

    WARNING = "WARNING", "Restricts nothing; tells what was wrong"
    CONTENT_REMOVED = "CONTENT_REMOVED", "The content was removed"
    CONTENT_DISABLED = "CONTENT_DISABLED", "The content is invisible"
    CONTENT_DEMOTED = "CONTENT_DEMOTED", "The content's reach is limited"
    CONTENT_AGE_RESTRICTED = "CONTENT_AGE_RESTRICTED", "Only adults see the content"
    CONTENT_INTERACTION_RESTRICTED = (
        "CONTENT_INTERACTION_RESTRICTED",
        "Replies, shares or reactions are limited",
    )
    CONTENT_LABELLED = "CONTENT_LABELLED", "The content carries a label"
    CONTENT_OTHER = "CONTENT_OTHER", "Another restriction of content, described privately"
    ACCOUNT_SUSPENDED = "ACCOUNT_SUSPENDED", "A time-out: the account is suspended until an end"
    ACCOUNT_TERMINATED = "ACCOUNT_TERMINATED", "Permanent, for spam, bots and fake accounts alone"
    SERVICE_RESTRICTED = "SERVICE_RESTRICTED", "Some features are closed to the account"
    SERVICE_SUSPENDED = "SERVICE_SUSPENDED", "All features are closed; the account stays visible"
    MONETIZATION_SUSPENDED = "MONETIZATION_SUSPENDED", "Payments to the account are suspended"
    MONETIZATION_OTHER = "MONETIZATION_OTHER", "Another monetary restriction, described privately"
    SERVER_LIMITED = "SERVER_LIMITED", "A whole server's reach is limited"
    SERVER_SUSPENDED = "SERVER_SUSPENDED", "A whole server is cut off until an end"
    SERVICE_TERMINATED = (
        "SERVICE_TERMINATED",
        "All features closed for ever; outside decisions only",
    )
    MONETIZATION_TERMINATED = (
        "MONETIZATION_TERMINATED",
        "Payments ended for ever; outside decisions only",
    )


class Ground(Word):
    """Against the law, or against the terms."""

    ILLEGAL_CONTENT = "ILLEGAL_CONTENT", "Against a law, which is named"
    INCOMPATIBLE_CONTENT = (
        "INCOMPATIBLE_CONTENT",
        "Against the platform's terms; the clause is named",
    )


class PermanentBasis(Word):
    """The only reasons for which a ban may be permanent."""

    SPAM = "SPAM", "The account exists to spam"
    BOT = "BOT", "The account is an undeclared or harmful bot"
    FAKE_ACCOUNT = "FAKE_ACCOUNT", "The account pretends to be somebody else"


class Automation(Word):
    """How far machines took the decision."""

    FULLY = "FULLY", "Decided by a machine alone"
    PARTIALLY = "PARTIALLY", "A machine took part in deciding"
    NOT_AUTOMATED = "NOT_AUTOMATED", "Decided by people"


class Source(Word):
    """What brought the case to the platform's attention."""

    NOTICE = "NOTICE", "A notice under DSA article 16"
    TRUSTED_FLAGGER = "TRUSTED_FLAGGER", "A notice by a trusted flagger, DSA article 22"
    OTHER_NOTIFICATION = "OTHER_NOTIFICATION", "Another kind of notification"
    OWN_INITIATIVE = "OWN_INITIATIVE", "The platform's own investigation"


class Audience(Word):
    """Who may see the private disclosures of a sanction."""

    OWN = "OWN", "The issuing platform alone"
    PARTNERS = "PARTNERS", "Platforms on this node and on nodes that follow it"


class Precision(Word):
    """How exactly a sanction's instants are known."""

    INSTANT = "INSTANT", "To the microsecond, as decided"
    DAY = "DAY", "To the day: the source knows only dates, both included"


class Effect(Word):
    """What a sanction does now, by the clock."""

    PENDING = "PENDING", "Not yet in force, or not yet approved"
    IN_FORCE = "IN_FORCE", "Restricts its subject now"
    ENDED = "ENDED", "No longer restricts anything"


class DurationBucket(Word):
    """How long a sanction restricts its subject, from its start to its end."""

    NONE = "NONE", "Restricts nothing: a warning, or over before it began"
    UP_TO_1_DAY = "UP_TO_1_DAY", "A day or less"
    UP_TO_7_DAYS = "UP_TO_7_DAYS", "More than a day, up to seven days"
    UP_TO_30_DAYS = "UP_TO_30_DAYS", "More than seven days, up to thirty"
    UP_TO_90_DAYS = "UP_TO_90_DAYS", "More than thirty days, up to ninety"
    UP_TO_180_DAYS = "UP_TO_180_DAYS", "More than ninety days, up to 180"
    OVER_180_DAYS = "OVER_180_DAYS", "More than 180 days, with an end"
    OPEN_ENDED = "OPEN_ENDED", "Without an end"


class ExportFormat(Word):
    """Forms that the rows of an export come in."""

    CSV = "CSV", "Comma-separated values with a header, gzip"
    NDJSON = "NDJSON", "One JSON object a line, gzip"
    PARQUET = "PARQUET", "Apache Parquet, compressed with zstd"


class SelectionState(Word):
    """How far a researchers' selection has come."""

    WAITING = "WAITING", "Its turn comes, or comes again"
    RUNNING = "RUNNING", "It is being made"
    READY = "READY", "Its files can be fetched"
    FAILED = "FAILED", "It couldn't be made; the problem says why"
    CANCELLED = "CANCELLED", "It isn't wanted any more; its files are gone"
    EXPIRED = "EXPIRED", "Its time is over; its files are gone"


class Validity(Word):
    """Whether the decision stands; changed only by an event."""

    STANDING = "STANDING", "The decision stands"
    OVERTURNED = "OVERTURNED", "Found wrong, by an appeal or by the platform"
    VOIDED = "VOIDED", "A clerical mistake; it never counted"
    SUPERSEDED = "SUPERSEDED", "Replaced by another sanction"


class EndReason(Word):
    """Why a sanction ended; in ties the earlier in this list wins."""

    OVERTURNED = "OVERTURNED", "The decision was found wrong"
    VOIDED = "VOIDED", "The decision was a clerical mistake"
    SUPERSEDED = "SUPERSEDED", "Another sanction replaced it"
    SOURCE_ENDED = "SOURCE_ENDED", "The sanction it was taken over from ended"
    LIFTED = "LIFTED", "Ended early, by clemency"
    NOT_APPROVED = "NOT_APPROVED", "No second moderator approved it in time"
    EXPIRED = "EXPIRED", "Its time was served"


class VoidCode(Word):
    """Which clerical mistake a voided sanction was."""

    WRONG_SUBJECT = "WRONG_SUBJECT", "It named the wrong subject"
    DUPLICATE = "DUPLICATE", "The same decision was entered twice"
    TEST = "TEST", "It was only a test"


class PolicyConflict(Word):
    """A rule of the policy that an outside decision conflicts with."""

    OUTSIDE_DECISION = "OUTSIDE_DECISION", "Not made under this policy; never binds"
    MEASURE_NOT_OFFERED = "MEASURE_NOT_OFFERED", "This policy has no such measure"
    END_REQUIRED = "END_REQUIRED", "It has no end"
    TOO_LONG = "TOO_LONG", "It is longer than the longest suspension"
    TOTAL_TOO_LONG = "TOTAL_TOO_LONG", "Suspensions together exceed the cap"
    PERMANENCE_NOT_ALLOWED = "PERMANENCE_NOT_ALLOWED", "Permanent without spam, bot or fake account"
    BASIS_NOT_ALLOWED = "BASIS_NOT_ALLOWED", "A permanent basis with a measure that takes none"
    BACKDATED = "BACKDATED", "It took effect before it was entered"
    CONDUCT_REQUIRED = "CONDUCT_REQUIRED", "It doesn't say when the conduct was"
    DOUBLE_JEOPARDY = "DOUBLE_JEOPARDY", "The same conduct was sanctioned before"
    AUTOMATION_NOT_MARKED = "AUTOMATION_NOT_MARKED", "A service decided and doesn't say so"


class AppealState(Word):
    """Where an appeal stands."""

    FILED = "FILED", "Received, not yet admitted"
    ADMITTED = "ADMITTED", "Admitted, waiting for a reviewer"
    INADMISSIBLE = "INADMISSIBLE", "Refused without a review of the substance"
    IN_REVIEW = "IN_REVIEW", "A reviewer is at work"
    AWAITING_APPELLANT = "AWAITING_APPELLANT", "The appellant was asked; the clock is paused"
    DECIDED = "DECIDED", "Answered with an outcome"
    LAPSED = "LAPSED", "The appellant didn't answer in time"
    WITHDRAWN = "WITHDRAWN", "Taken back by the appellant"
    ESCALATED = "ESCALATED", "Brought before an outside body"
    FINAL = "FINAL", "The outside body's outcome is recorded"


class Outcome(Word):
    """How an appeal was decided."""

    UPHELD = "UPHELD", "The sanction stands as it is"
    REDUCED = "REDUCED", "The sanction stands, but ends earlier"
    OVERTURNED = "OVERTURNED", "The sanction was wrong and is corrected everywhere"


class AppealMove(Word):
    """A step in an appeal, short of deciding it."""

    ADMIT = "ADMIT", "Let a filed appeal through to review"
    REFUSE = "REFUSE", "Refuse a filed appeal as inadmissible"
    START_REVIEW = "START_REVIEW", "Begin the review of an admitted appeal"
    ASK = "ASK", "Ask the appellant; pauses the clock, once"
    ANSWER = "ANSWER", "Answer what the reviewer asked"
    WITHDRAW = "WITHDRAW", "Take an open appeal back"
    ESCALATE = "ESCALATE", "Bring the case before an outside body"
    RECORD_FINAL = "RECORD_FINAL", "Record the outside body's outcome"


class InadmissibleCode(Word):
    """Why an appeal was refused without a review."""

    NOT_ENTITLED = "NOT_ENTITLED", "Filed by somebody the sanction isn't about"
    REPETITION = "REPETITION", "The same appeal was answered before"
    UNFOUNDED = "UNFOUNDED", "It gives no grounds that could be reviewed"


class Author(Word):
    """Who wrote a message of an appeal."""

    APPELLANT = "APPELLANT", "The sanctioned person, or the platform for it"
    PLATFORM = "PLATFORM", "The reviewing platform"


class DisclosureState(Word):
    """Whether what a statement commits to can still be had."""

    HELD = "HELD", "Kept, for those entitled to it"
    REDACTED = "REDACTED", "Erased; the statement and its place remain"


class EventType(Word):
    """What happened, as the feed and the log name it."""

    SANCTION_ISSUED = "SANCTION_ISSUED", "A sanction was issued or recorded"
    SANCTION_APPROVED = "SANCTION_APPROVED", "A second member approved a termination"
    SANCTION_SHORTENED = "SANCTION_SHORTENED", "A sanction ends earlier"
    SANCTION_LIFTED = "SANCTION_LIFTED", "A sanction ended by clemency"
    SANCTION_OVERTURNED = "SANCTION_OVERTURNED", "A sanction was found wrong"
    SANCTION_VOIDED = "SANCTION_VOIDED", "A sanction was a clerical mistake"
    SANCTION_SUPERSEDED = "SANCTION_SUPERSEDED", "A sanction was replaced by another"
    SANCTION_SOURCE_ENDED = "SANCTION_SOURCE_ENDED", "A copy ended with the sanction it took over"
    SANCTION_REDACTED = "SANCTION_REDACTED", "A sanction's disclosures were erased"
    APPEAL_FILED = "APPEAL_FILED", "An appeal was filed"
    APPEAL_MOVED = "APPEAL_MOVED", "An appeal went a step on"
    APPEAL_VOTED = "APPEAL_VOTED", "One of two reviewers decided"
    APPEAL_DECIDED = "APPEAL_DECIDED", "An appeal was decided"
    REVIEWER_INVITED = "REVIEWER_INVITED", "Another platform's reviewers were invited"
    NOTICE_DUE = "NOTICE_DUE", "The account's host is to tell the person"
    NOTICE_RECORDED = "NOTICE_RECORDED", "The host told the person, or couldn't"
    RECEIPT_RECORDED = "RECEIPT_RECORDED", "A platform told what it did with another's sanction"
    RECEIPT_DUE = "RECEIPT_DUE", "A platform is to remedy its copy of a corrected sanction"


class NoticeOutcome(Word):
    """What became of telling the person."""

    DELIVERED = "DELIVERED", "The person was told; the appeal window begins"
    UNDELIVERABLE = "UNDELIVERABLE", "The person couldn't be reached"


class ReceiptState(Word):
    """What a platform did with a sanction, or its correction."""

    DUE = "DUE", "The sanction was corrected; its copy is to be, too"
    ADOPTED = "ADOPTED", "Taken over as a sanction of its own"
    NOTED = "NOTED", "Taken note of, and nothing else"
    DECLINED = "DECLINED", "Not taken over"
    DISPUTED = "DISPUTED", "Held to be wrong, with a reason"
    REMEDIED = "REMEDIED", "Its copy was corrected as the source was"
    KEPT_ON_OWN_GROUNDS = "KEPT_ON_OWN_GROUNDS", "A sanction on its own grounds replaced the copy"
    NO_ACTION_NEEDED = "NO_ACTION_NEEDED", "Its copy had ended; nothing was left to correct"


class SanctionAnswer(Word):
    """What a platform says to another's sanction that it doesn't adopt."""

    NOTED = "NOTED", "Takes note of it, and nothing else"
    DECLINED = "DECLINED", "Doesn't take it over"
    DISPUTED = "DISPUTED", "Holds it to be wrong, and says why"


class Remedy(Word):
    """What became of a copy after its source was corrected."""

    REMEDIED = "REMEDIED", "It is corrected as the source was, now if it wasn't yet"
    KEPT_ON_OWN_GROUNDS = "KEPT_ON_OWN_GROUNDS", "A new sanction on own grounds replaces it"
    NO_ACTION_NEEDED = "NO_ACTION_NEEDED", "It had ended; nothing is left to correct"


class PeerState(Word):
    """How a followed node stands."""

    FOLLOWING = "FOLLOWING", "Its log is followed; its sanctions bind"
    STALE = "STALE", "Not verified for a week; its sanctions don't bind"
    QUARANTINED = "QUARANTINED", "It signed two histories; its sanctions don't bind"
    UNFOLLOWED = "UNFOLLOWED", "Not followed any longer; its sanctions don't bind"


class Delivery(Word):
    """How events reach a receiver."""

    WEBHOOK = "WEBHOOK", "Signed webhooks, one for each event"
    PUSH = "PUSH", "Security event tokens, pushed (RFC 8935)"
    POLL = "POLL", "Security event tokens, polled (RFC 8936)"


class ReceiverStatus(Word):
    """Whether events are sent to a receiver."""

    ENABLED = "ENABLED", "Events are sent"
    PAUSED = "PAUSED", "Events wait until it is enabled again"
    DISABLED = "DISABLED", "Events are neither sent nor kept for it"


class LetterState(Word):
    """Where an event stands that a receiver didn't take."""

    DEAD = "DEAD", "Given up; it can be replayed"
    WAITING = "WAITING", "To be sent again"
