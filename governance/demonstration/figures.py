"""The figures that the demonstration follows: first what was published, then what is assumed.

Sources, each named beside what is taken from it:

- OWN_INITIATIVE: parts 5 (illegal content) and 6 (terms and conditions), rows TOTAL and
  STATEMENT_CATEGORY_*, and COMPLAINTS: part 7 (appeals), of the transparency reports under
  Implementing Regulation (EU) 2024/2835 for 2025-07-01 to 2025-12-31 of Facebook, Instagram,
  LinkedIn, Pinterest, Snapchat, TikTok, X and YouTube (without its advertisements). Counts are the
  sums over the eight; a median is the median of theirs.
- VOLUMES: sizes of the daily dumps, 2023-09-25 to 2025-08-10. European Commission, DSA
  Transparency Database, CC BY 4.0, https://doi.org/10.2906/134353607485211.

A test adds the published rows up again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from governance.rules.policy import CONTENT_MEASURES
from governance.vocabulary import Category
from governance.words import Automation, Measure, Outcome, Source

C, M = Category, Measure


@dataclass(frozen=True, slots=True)
class Measures:
    """How many were taken on the services' own initiative."""

    taken: int
    detected: int  # by automated means alone

    @property
    def detection(self) -> float:
        """The share that machines found; some services count more found than taken."""
        return min(1.0, self.detected / self.taken)


@dataclass(frozen=True, slots=True)
class Complaints:
    """About one kind of restriction; what was reversed in part was overturned too."""

    measures: int  # of this kind, from OWN_INITIATIVE
    lodged: int
    upheld: int
    reversed: int
    median_hours: float  # the reports name no unit; long ones make sense as hours alone

    @property
    def rate(self) -> float:
        """The share of the measures that somebody complained about."""
        return self.lodged / self.measures

    @property
    def reversal(self) -> float:
        """The share of what was decided that was overturned."""
        return self.reversed / (self.upheld + self.reversed)


# OWN_INITIATIVE. "Other illegal content" (33,773) has no category here.
CATEGORIES: Mapping[Category, Measures] = MappingProxyType(
    {
        C.OTHER_VIOLATION_TC: Measures(359_268_732, 347_272_601),
        C.PROTECTION_OF_MINORS: Measures(102_001_435, 97_266_651),
        C.CYBER_VIOLENCE: Measures(59_203_950, 59_243_122),
        C.SCAMS_AND_FRAUD: Measures(55_875_901, 51_212_384),
        C.ILLEGAL_OR_HARMFUL_SPEECH: Measures(29_349_958, 28_976_899),
        C.VIOLENCE: Measures(29_281_753, 28_614_212),
        C.NEGATIVE_EFFECTS_ON_CIVIC_DISCOURSE_OR_ELECTIONS: Measures(20_521_523, 3_856_202),
        C.UNSAFE_AND_PROHIBITED_PRODUCTS: Measures(15_264_159, 11_396_336),
        C.INTELLECTUAL_PROPERTY_INFRINGEMENTS: Measures(13_533_817, 9_008_311),
        C.SELF_HARM: Measures(12_774_791, 12_456_088),
        C.RISK_FOR_PUBLIC_SECURITY: Measures(6_378_687, 6_023_074),
        C.DATA_PROTECTION_AND_PRIVACY_VIOLATIONS: Measures(3_339_103, 1_364_322),
        C.CONSUMER_INFORMATION: Measures(1_135_075, 878_189),
        C.ANIMAL_WELFARE: Measures(895_350, 881_930),
    }
)
VISIBILITY: Mapping[Measure, int] = MappingProxyType(
    {
        M.CONTENT_REMOVED: 289_560_655,
        M.CONTENT_OTHER: 117_220_864,
        M.CONTENT_DEMOTED: 115_369_265,
        M.CONTENT_AGE_RESTRICTED: 29_284_856,
        M.CONTENT_DISABLED: 9_808_417,
    }
)
# COMPLAINTS; of the measures, suspensions and terminations together.
OF_CONTENT = Complaints(561_244_057, 16_678_681, 9_353_897, 7_245_589, 1.66)
OF_ACCOUNTS = Complaints(167_005_357, 13_242_391, 8_127_957, 4_700_318, 2.665)
OF_SERVICE = Complaints(10_973_059, 2_599_834, 1_616_958, 963_855, 0.004)
OF_MONEY = Complaints(527_784, 147_059, 74_759, 67_359, 17.0)
# COMPLAINTS, out-of-court dispute settlement: how those ended that ended with a decision.
DISPUTES: Mapping[Outcome, int] = MappingProxyType(
    {Outcome.UPHELD: 1_009, Outcome.OVERTURNED: 6_499}
)
# VOLUMES: millions of statements, Monday to Sunday.
WEEKDAYS = (4_532, 4_397, 4_436, 4_770, 5_172, 5_184, 5_006)

# From here on, everything is assumed: the reports don't say, or say too little to show.

# What isn't reported, or is too rare to be seen, in thousandths of its group.
RARE = 0.002
UNREPORTED_MEASURES = (M.CONTENT_INTERACTION_RESTRICTED, M.CONTENT_LABELLED)
# Part 8 would count decisions by machines; these reports' part 8 wasn't at hand.
BY_PROGRAM = 0.6  # of sanctions: decided by programs, many at once
AUTOMATION_OF_PROGRAMS = ((7, Automation.FULLY), (3, Automation.PARTIALLY))
AUTOMATION_OF_PEOPLE = ((8, Automation.NOT_AUTOMATED), (2, Automation.PARTIALLY))
ILLEGAL = 0.1  # on the ground of a law, where there is one; reported: 0.02 %
# Machines detect what is found on own initiative; a notice is somebody's.
SOURCES = (
    (80, Source.OWN_INITIATIVE),
    (12, Source.NOTICE),
    (6, Source.OTHER_NOTIFICATION),
    (2, Source.TRUSTED_FLAGGER),
)
# Time-outs in the place of the permanent bans that are reported: 149 million of 167.
MEASURES_OF_PROGRAMS = ((70, None), (25, M.ACCOUNT_SUSPENDED), (5, M.ACCOUNT_TERMINATED))
MEASURES_OF_PEOPLE = (
    (36, None),  # of content, by VISIBILITY
    (40, M.ACCOUNT_SUSPENDED),
    (8, M.WARNING),
    (4, M.SERVICE_RESTRICTED),
    (2, M.SERVICE_SUSPENDED),
    (4, M.SERVER_SUSPENDED),
    (2, M.SERVER_LIMITED),
    (2, M.MONETIZATION_SUSPENDED),
    (1, M.MONETIZATION_OTHER),
    (1, M.ACCOUNT_TERMINATED),
)
OUTSIDE = 0.02  # of people's decisions: records of what others decided
REDUCED = 0.06  # of what isn't upheld or overturned outright; reported: under 0.01 %
ESCALATED = 0.04  # of what was upheld; reported: under 0.1 % of complaints
UNDECIDED = 0.12  # refused, withdrawn, lapsed, or still waiting; reported: 1.5 % omitted
CHANGED = 0.03  # lifted, shortened, replaced
CORRECTED = 0.01  # voided, or overturned of the platform's own motion
NOT_APPROVED = 0.05  # of terminations: lapsed or voided
LEAST_REVIEW, SPREAD = 10 / 60, 1.5  # hours, as somebody has to read it; of the logarithm
# By month and by hour (UTC): fewer in summer, more around the turn of the year; people sleep.
MONTHS = (110, 100, 100, 98, 97, 94, 90, 86, 98, 103, 108, 116)
HOURS = (3, 2, 1, 1, 1, 2, 4, 7, 10, 11, 11, 10, 9, 10, 10, 10, 10, 9, 9, 9, 9, 8, 7, 5)


def complaints(measure: Measure) -> Complaints:
    """The complaints about measures like this one; servers' and warnings' are assumed."""
    if measure in CONTENT_MEASURES or measure is M.WARNING:
        return OF_CONTENT
    if measure.startswith("SERVICE_"):
        return OF_SERVICE
    return OF_MONEY if measure.startswith("MONETIZATION_") else OF_ACCOUNTS


def categories() -> tuple[tuple[float, Category], ...]:
    """Every category with its share."""
    all_taken = sum(measures.taken for measures in CATEGORIES.values())
    return tuple(
        (max(RARE, CATEGORIES[c].taken / all_taken) if c in CATEGORIES else RARE, c)
        for c in Category
    )


def content_measures() -> tuple[tuple[float, Measure], ...]:
    """Every restriction of content with its share."""
    together = sum(VISIBILITY.values())
    reported = tuple((number / together, measure) for measure, number in VISIBILITY.items())
    return (*reported, *((10 * RARE, measure) for measure in UNREPORTED_MEASURES))


def detection(category: Category) -> float:
    """The share of a category's own-initiative cases that machines found; as a whole if unknown."""
    if category in CATEGORIES:
        return CATEGORIES[category].detection
    return OVERALL.detection


OVERALL = Measures(
    sum(measures.taken for measures in CATEGORIES.values()),
    sum(measures.detected for measures in CATEGORIES.values()),
)
