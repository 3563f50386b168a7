"""Everything the demonstration says: names, rules, explanations. All of it is invented."""

from governance.vocabulary import Category, Keyword
from governance.words import Outcome, PermanentBasis, SanctionAnswer, VoidCode

C, K = Category, Keyword

# Domain, name, and roughly how much of all that happens is decided there.
PLATFORMS = (
    ("harbor.example", "Harbor", 20),
    ("tidepool.example", "Tidepool", 16),
    ("lantern.example", "Lantern Social", 12),
    ("meadow.example", "Meadow", 9),
    ("cobblestone.example", "Cobblestone Forum", 8),
    ("northwind.example", "Northwind", 7),
    ("orchard.example", "Orchard Video", 6),
    ("papercrane.example", "Papercrane", 6),
    ("foxglove.example", "Foxglove Photos", 5),
    ("beacon.example", "Beacon", 4),
    ("millrace.example", "Millrace", 4),
    ("kestrel.example", "Kestrel Chat", 3),
)
DOMAINS = tuple(domain for domain, _, _ in PLATFORMS)

# Hosts of accounts that are sanctioned here and take no part themselves.
ELSEWHERE = ("driftwood.example", "gravelpath.example", "saltbox.example", "wickerchair.example")
SERVERS = ("bulk-invites", "free-tokens", "instant-win", "mirror-farm", "copycat", "rage-relay")

ADJECTIVES = (
    "amber", "brisk", "copper", "dapper", "early", "faded", "gentle", "hollow", "idle", "jolly",
    "keen", "lucky", "mellow", "nimble", "opal", "plain", "quiet", "rusty", "silver", "tidy",
)  # fmt: skip
NOUNS = (
    "badger", "compass", "dumpling", "ember", "fiddle", "gander", "heron", "inkwell", "jackdaw",
    "kettle", "ladder", "marble", "newt", "otter", "pebble", "quill", "rocket", "spindle",
    "teapot", "willow",
)  # fmt: skip

# The keywords used, the clause of the terms, the law if it is one.
CATEGORIES: dict[Category, tuple[tuple[Keyword, ...], str, str | None]] = {
    C.ILLEGAL_OR_HARMFUL_SPEECH: ((K.HATE_SPEECH, K.DISCRIMINATION, K.DEFAMATION),
     "Rule 2, respect", "Criminal Code of Germany, section 130"),
    C.CYBER_VIOLENCE: ((K.CYBER_HARASSMENT, K.CYBER_BULLYING_INTIMIDATION, K.CYBER_STALKING),
     "Rule 3, no harassment", None),
    C.SCAMS_AND_FRAUD: ((K.PHISHING, K.INAUTHENTIC_ACCOUNTS, K.INAUTHENTIC_LISTINGS),
     "Rule 7, no deception", "Criminal Code of Germany, section 263"),
    C.OTHER_VIOLATION_TC: ((K.NUDITY, K.LANGUAGE_REQUIREMENTS, K.GOODS_SERVICES_NOT_PERMITTED),
     "Rule 9, house rules", None),
    C.VIOLENCE: ((K.INCITEMENT_VIOLENCE_HATRED, K.COORDINATED_HARM),
     "Rule 1, no threats", "Criminal Code of Germany, section 126"),
    C.INTELLECTUAL_PROPERTY_INFRINGEMENTS: ((K.COPYRIGHT_INFRINGEMENT, K.TRADEMARK_INFRINGEMENT),
     "Rule 6, other people's work", "Directive 2001/29/EC, article 3"),
    C.NEGATIVE_EFFECTS_ON_CIVIC_DISCOURSE_OR_ELECTIONS: ((K.MISINFORMATION_DISINFORMATION,),
     "Rule 5, honest information", None),
    C.PROTECTION_OF_MINORS: ((K.UNSAFE_CHALLENGES, K.AGE_SPECIFIC_RESTRICTIONS_MINORS),
     "Rule 4, protection of the young", None),
    C.CYBER_VIOLENCE_AGAINST_WOMEN: ((K.CYBER_HARASSMENT_AGAINST_WOMEN,),
     "Rule 3, no harassment", None),
    C.SELF_HARM: ((K.CONTENT_PROMOTING_EATING_DISORDERS,), "Rule 4, care", None),
    C.CONSUMER_INFORMATION: ((K.HIDDEN_ADVERTISEMENT, K.MISLEADING_INFO_GOODS_SERVICES),
     "Rule 8, advertising", "Directive 2005/29/EC, article 5"),
    C.DATA_PROTECTION_AND_PRIVACY_VIOLATIONS: ((K.MISSING_PROCESSING_GROUND,),
     "Rule 3, private matters", "Regulation (EU) 2016/679, article 6"),
    C.UNSAFE_AND_PROHIBITED_PRODUCTS: ((K.UNSAFE_PRODUCTS, K.PROHIBITED_PRODUCTS),
     "Rule 8, goods", "Regulation (EU) 2023/988, article 5"),
    C.RISK_FOR_PUBLIC_SECURITY: ((K.RISK_PUBLIC_HEALTH,), "Rule 5, safety", None),
    C.ANIMAL_WELFARE: ((K.ANIMAL_HARM, K.UNLAWFUL_SALE_ANIMALS), "Rule 8, animals", None),
    C.NOT_SPECIFIED_NOTICE: ((K.OTHER,), "Rule 9, house rules", None),
}  # fmt: skip

EXPLANATIONS: dict[Category, tuple[str, ...]] = {
    C.ILLEGAL_OR_HARMFUL_SPEECH: (
        "Several posts demeaned people for their origin.",
        "Replies called for others to be shut out because of their faith.",
        "A thread spread invented accusations after two requests to stop.",
    ),
    C.CYBER_VIOLENCE: (
        "Unwanted messages went on after the recipient had asked for an end.",
        "A group was called on to pile onto one conversation.",
    ),
    C.SCAMS_AND_FRAUD: (
        "Links led to a copy of a sign-in page.",
        "Many accounts posted the same offer within minutes.",
        "Goods were offered that do not exist.",
    ),
    C.OTHER_VIOLATION_TC: (
        "The same text was posted in many unrelated places.",
        "Pictures for adults were posted without the warning that the rules ask for.",
    ),
    C.VIOLENCE: ("A post threatened others with violence.",),
    C.INTELLECTUAL_PROPERTY_INFRINGEMENTS: (
        "A whole film was uploaded without permission.",
        "A shop used a mark that belongs to somebody else.",
    ),
    C.NEGATIVE_EFFECTS_ON_CIVIC_DISCOURSE_OR_ELECTIONS: ("A post gave a wrong date for a vote.",),
    C.PROTECTION_OF_MINORS: ("A dangerous dare was aimed at children.",),
    C.CYBER_VIOLENCE_AGAINST_WOMEN: ("Repeated abuse was aimed at women in a public channel.",),
    C.SELF_HARM: ("Posts praised extreme diets to people who had asked for help.",),
    C.CONSUMER_INFORMATION: ("Paid praise was not marked as advertising.",),
    C.DATA_PROTECTION_AND_PRIVACY_VIOLATIONS: ("A private address was published.",),
    C.UNSAFE_AND_PROHIBITED_PRODUCTS: ("Chargers were sold that had been recalled.",),
    C.RISK_FOR_PUBLIC_SECURITY: ("Advice in a post could have made readers ill.",),
    C.ANIMAL_WELFARE: ("Young animals were sold without the papers the law asks for.",),
    C.NOT_SPECIFIED_NOTICE: ("A notice was found right on other grounds than it named.",),
}
BASES = {
    PermanentBasis.SPAM: "The account posted nothing but advertising.",
    PermanentBasis.BOT: "The account was run by an undeclared program.",
    PermanentBasis.FAKE_ACCOUNT: "The account pretended to be a shop that it was not.",
}
COURT_ORDER = "A court ordered the measure; the platform only carries it out."

GROUNDS = (
    "The post was a quotation, and the source was named right below it.",
    "Somebody else was signed in; the sessions are closed now.",
    "The rule was changed after the post was written.",
    "The length is out of proportion to a single reply.",
    "The posts were a joke among friends that was read out of context.",
)
STATEMENTS = {
    Outcome.UPHELD: "We read the posts in context again; the rule was broken.",
    Outcome.REDUCED: "The rule was broken, but the measure was longer than it had to be.",
    Outcome.OVERTURNED: "The decision was wrong. It is corrected, and we are sorry.",
}
QUESTION = "Which of the posts do you mean? Please give their dates."
ANSWER = "The three of the first week of the month."
CHANGES = {
    "lift": "The posts were taken back and the apology was accepted.",
    "shorten": "A first breach; the usual length is enough.",
    "overturn": "A routine check found that the rule does not cover this.",
}
ADOPTED = "Another platform of this network suspended you; we read its decision and follow it."
OWN_GROUNDS = "The same messages were sent to our members; we keep three of them."
ANSWERS = {
    SanctionAnswer.NOTED: None,
    SanctionAnswer.DECLINED: "Our rules allow what was posted.",
    SanctionAnswer.DISPUTED: "The post was a quotation; the author argues against it.",
}
VOIDS = (
    (VoidCode.WRONG_SUBJECT, "The name was mistyped."),
    (VoidCode.DUPLICATE, "Two moderators entered the same decision."),
    (VoidCode.TEST, "A trial of a new form reached the live system."),
)
