"""The words of the EU's transparency database, without their prefixes.

Codes, which keyword belongs to which category, and most labels are schema v2 (in force since
2025-07-01) of: European Commission, DSA Transparency Database, CC BY 4.0,
https://doi.org/10.2906/134353607485211. Labels of fewer than 3 or more than 12 words are reworded,
as every label describes its code in the GraphQL schema too.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Category(StrEnum):
    """What a sanction is for, in 16 categories."""

    ANIMAL_WELFARE = "ANIMAL_WELFARE"
    CONSUMER_INFORMATION = "CONSUMER_INFORMATION"
    CYBER_VIOLENCE = "CYBER_VIOLENCE"
    CYBER_VIOLENCE_AGAINST_WOMEN = "CYBER_VIOLENCE_AGAINST_WOMEN"
    DATA_PROTECTION_AND_PRIVACY_VIOLATIONS = "DATA_PROTECTION_AND_PRIVACY_VIOLATIONS"
    ILLEGAL_OR_HARMFUL_SPEECH = "ILLEGAL_OR_HARMFUL_SPEECH"
    INTELLECTUAL_PROPERTY_INFRINGEMENTS = "INTELLECTUAL_PROPERTY_INFRINGEMENTS"
    NEGATIVE_EFFECTS_ON_CIVIC_DISCOURSE_OR_ELECTIONS = (
        "NEGATIVE_EFFECTS_ON_CIVIC_DISCOURSE_OR_ELECTIONS"
    )
    NOT_SPECIFIED_NOTICE = "NOT_SPECIFIED_NOTICE"
    OTHER_VIOLATION_TC = "OTHER_VIOLATION_TC"
    PROTECTION_OF_MINORS = "PROTECTION_OF_MINORS"
    RISK_FOR_PUBLIC_SECURITY = "RISK_FOR_PUBLIC_SECURITY"
    SCAMS_AND_FRAUD = "SCAMS_AND_FRAUD"
    SELF_HARM = "SELF_HARM"
    UNSAFE_AND_PROHIBITED_PRODUCTS = "UNSAFE_AND_PROHIBITED_PRODUCTS"
    VIOLENCE = "VIOLENCE"


class Keyword(StrEnum):
    """What a sanction is for, more closely than its category."""

    ADULT_SEXUAL_MATERIAL = "ADULT_SEXUAL_MATERIAL"
    AGE_SPECIFIC_RESTRICTIONS = "AGE_SPECIFIC_RESTRICTIONS"
    AGE_SPECIFIC_RESTRICTIONS_MINORS = "AGE_SPECIFIC_RESTRICTIONS_MINORS"
    ANIMAL_HARM = "ANIMAL_HARM"
    BIOMETRIC_DATA_BREACH = "BIOMETRIC_DATA_BREACH"
    BULLYING_AGAINST_GIRLS = "BULLYING_AGAINST_GIRLS"
    CHILD_SEXUAL_ABUSE_MATERIAL = "CHILD_SEXUAL_ABUSE_MATERIAL"
    CHILD_SEXUAL_ABUSE_MATERIAL_DEEPFAKE = "CHILD_SEXUAL_ABUSE_MATERIAL_DEEPFAKE"
    CONTENT_PROMOTING_EATING_DISORDERS = "CONTENT_PROMOTING_EATING_DISORDERS"
    COORDINATED_HARM = "COORDINATED_HARM"
    COPYRIGHT_INFRINGEMENT = "COPYRIGHT_INFRINGEMENT"
    CYBER_BULLYING_INTIMIDATION = "CYBER_BULLYING_INTIMIDATION"
    CYBER_HARASSMENT = "CYBER_HARASSMENT"
    CYBER_HARASSMENT_AGAINST_WOMEN = "CYBER_HARASSMENT_AGAINST_WOMEN"
    CYBER_INCITEMENT = "CYBER_INCITEMENT"
    CYBER_STALKING = "CYBER_STALKING"
    CYBER_STALKING_AGAINST_WOMEN = "CYBER_STALKING_AGAINST_WOMEN"
    DATA_FALSIFICATION = "DATA_FALSIFICATION"
    DEFAMATION = "DEFAMATION"
    DESIGN_INFRINGEMENT = "DESIGN_INFRINGEMENT"
    DISCRIMINATION = "DISCRIMINATION"
    FEMALE_GENDERED_DISINFORMATION = "FEMALE_GENDERED_DISINFORMATION"
    GEOGRAPHIC_INDICATIONS_INFRINGEMENT = "GEOGRAPHIC_INDICATIONS_INFRINGEMENT"
    GEOGRAPHICAL_REQUIREMENTS = "GEOGRAPHICAL_REQUIREMENTS"
    GOODS_SERVICES_NOT_PERMITTED = "GOODS_SERVICES_NOT_PERMITTED"
    GROOMING_SEXUAL_ENTICEMENT_MINORS = "GROOMING_SEXUAL_ENTICEMENT_MINORS"
    HATE_SPEECH = "HATE_SPEECH"
    HIDDEN_ADVERTISEMENT = "HIDDEN_ADVERTISEMENT"
    HUMAN_EXPLOITATION = "HUMAN_EXPLOITATION"
    HUMAN_TRAFFICKING = "HUMAN_TRAFFICKING"
    ILLEGAL_ORGANIZATIONS = "ILLEGAL_ORGANIZATIONS"
    IMPERSONATION_ACCOUNT_HIJACKING = "IMPERSONATION_ACCOUNT_HIJACKING"
    INAUTHENTIC_ACCOUNTS = "INAUTHENTIC_ACCOUNTS"
    INAUTHENTIC_LISTINGS = "INAUTHENTIC_LISTINGS"
    INAUTHENTIC_USER_REVIEWS = "INAUTHENTIC_USER_REVIEWS"
    INCITEMENT_AGAINST_WOMEN = "INCITEMENT_AGAINST_WOMEN"
    INCITEMENT_VIOLENCE_HATRED = "INCITEMENT_VIOLENCE_HATRED"
    INSUFFICIENT_INFORMATION_ON_TRADERS = "INSUFFICIENT_INFORMATION_ON_TRADERS"
    LANGUAGE_REQUIREMENTS = "LANGUAGE_REQUIREMENTS"
    MISINFORMATION_DISINFORMATION = "MISINFORMATION_DISINFORMATION"
    MISLEADING_INFO_CONSUMER_RIGHTS = "MISLEADING_INFO_CONSUMER_RIGHTS"
    MISLEADING_INFO_GOODS_SERVICES = "MISLEADING_INFO_GOODS_SERVICES"
    MISSING_PROCESSING_GROUND = "MISSING_PROCESSING_GROUND"
    NON_CONSENSUAL_IMAGE_SHARING = "NON_CONSENSUAL_IMAGE_SHARING"
    NON_CONSENSUAL_IMAGE_SHARING_AGAINST_WOMEN = "NON_CONSENSUAL_IMAGE_SHARING_AGAINST_WOMEN"
    NON_CONSENSUAL_MATERIAL_DEEPFAKE = "NON_CONSENSUAL_MATERIAL_DEEPFAKE"
    NON_CONSENSUAL_MATERIAL_DEEPFAKE_AGAINST_WOMEN = (
        "NON_CONSENSUAL_MATERIAL_DEEPFAKE_AGAINST_WOMEN"
    )
    NONCOMPLIANCE_PRICING = "NONCOMPLIANCE_PRICING"
    NUDITY = "NUDITY"
    PATENT_INFRINGEMENT = "PATENT_INFRINGEMENT"
    PHISHING = "PHISHING"
    PROHIBITED_PRODUCTS = "PROHIBITED_PRODUCTS"
    PYRAMID_SCHEMES = "PYRAMID_SCHEMES"
    RIGHT_TO_BE_FORGOTTEN = "RIGHT_TO_BE_FORGOTTEN"
    RISK_ENVIRONMENTAL_DAMAGE = "RISK_ENVIRONMENTAL_DAMAGE"
    RISK_PUBLIC_HEALTH = "RISK_PUBLIC_HEALTH"
    SELF_MUTILATION = "SELF_MUTILATION"
    STALKING = "STALKING"
    SUICIDE = "SUICIDE"
    TERRORIST_CONTENT = "TERRORIST_CONTENT"
    TRADE_SECRET_INFRINGEMENT = "TRADE_SECRET_INFRINGEMENT"
    TRADEMARK_INFRINGEMENT = "TRADEMARK_INFRINGEMENT"
    TRAFFICKING_WOMEN_GIRLS = "TRAFFICKING_WOMEN_GIRLS"
    UNLAWFUL_SALE_ANIMALS = "UNLAWFUL_SALE_ANIMALS"
    UNSAFE_CHALLENGES = "UNSAFE_CHALLENGES"
    UNSAFE_PRODUCTS = "UNSAFE_PRODUCTS"
    VIOLATION_EU_LAW = "VIOLATION_EU_LAW"
    VIOLATION_NATIONAL_LAW = "VIOLATION_NATIONAL_LAW"
    OTHER = "OTHER"


class ContentType(StrEnum):
    """What type of content a sanction is about."""

    APP = "APP"
    AUDIO = "AUDIO"
    IMAGE = "IMAGE"
    PRODUCT = "PRODUCT"
    SYNTHETIC_MEDIA = "SYNTHETIC_MEDIA"
    TEXT = "TEXT"
    VIDEO = "VIDEO"
    OTHER = "OTHER"


CATEGORY_LABELS: Mapping[Category, str] = MappingProxyType(
    {
        Category.ANIMAL_WELFARE: "Harm to animals or their unlawful sale",
        Category.CONSUMER_INFORMATION: "Consumer information infringements",
        Category.CYBER_VIOLENCE: "Cyber violence such as harassment, stalking or incitement",
        Category.CYBER_VIOLENCE_AGAINST_WOMEN: "Cyber violence against women",
        Category.DATA_PROTECTION_AND_PRIVACY_VIOLATIONS: "Data protection and privacy violations",
        Category.ILLEGAL_OR_HARMFUL_SPEECH: "Illegal or harmful speech",
        Category.INTELLECTUAL_PROPERTY_INFRINGEMENTS: "Intellectual property infringements",
        Category.NEGATIVE_EFFECTS_ON_CIVIC_DISCOURSE_OR_ELECTIONS: (
            "Negative effects on civic discourse or elections"
        ),
        Category.NOT_SPECIFIED_NOTICE: (
            "Type of alleged illegal content not specified by the notifier"
        ),
        Category.OTHER_VIOLATION_TC: "Other violation of provider's terms and conditions",
        Category.PROTECTION_OF_MINORS: "Protection of minors",
        Category.RISK_FOR_PUBLIC_SECURITY: "Risk for public security",
        Category.SCAMS_AND_FRAUD: "Scams and/or fraud",
        Category.SELF_HARM: "Self-harm, suicide and eating disorders",
        Category.UNSAFE_AND_PROHIBITED_PRODUCTS: "Unsafe, non-compliant or prohibited products",
        Category.VIOLENCE: "Violence, exploitation and calls for them",
    }
)

KEYWORD_LABELS: Mapping[Keyword, str] = MappingProxyType(
    {
        Keyword.ADULT_SEXUAL_MATERIAL: "Adult sexual material",
        Keyword.AGE_SPECIFIC_RESTRICTIONS: "Breach of the service's age-specific restrictions",
        Keyword.AGE_SPECIFIC_RESTRICTIONS_MINORS: "Age-specific restrictions concerning minors",
        Keyword.ANIMAL_HARM: "Harm done to animals",
        Keyword.BIOMETRIC_DATA_BREACH: "Biometric data breach",
        Keyword.BULLYING_AGAINST_GIRLS: "Cyber bullying and intimidation against girls",
        Keyword.CHILD_SEXUAL_ABUSE_MATERIAL: "Child sexual abuse material",
        Keyword.CHILD_SEXUAL_ABUSE_MATERIAL_DEEPFAKE: (
            "Child sexual abuse material containing deepfake or similar technology"
        ),
        Keyword.CONTENT_PROMOTING_EATING_DISORDERS: "Content promoting eating disorders",
        Keyword.COORDINATED_HARM: "Harm that several parties coordinate",
        Keyword.COPYRIGHT_INFRINGEMENT: "Infringement of a copyright",
        Keyword.CYBER_BULLYING_INTIMIDATION: "Cyber bullying and intimidation",
        Keyword.CYBER_HARASSMENT: "Cyber harassment of a person",
        Keyword.CYBER_HARASSMENT_AGAINST_WOMEN: "Cyber harassment against women",
        Keyword.CYBER_INCITEMENT: "Cyber incitement to hatred or violence",
        Keyword.CYBER_STALKING: "Cyber stalking of a person",
        Keyword.CYBER_STALKING_AGAINST_WOMEN: "Cyber stalking against women",
        Keyword.DATA_FALSIFICATION: "Falsification of personal data",
        Keyword.DEFAMATION: "Defamation of a person's reputation",
        Keyword.DESIGN_INFRINGEMENT: "Infringement of a design right",
        Keyword.DISCRIMINATION: "Discrimination against a person or group",
        Keyword.FEMALE_GENDERED_DISINFORMATION: "Gendered disinformation against women",
        Keyword.GEOGRAPHIC_INDICATIONS_INFRINGEMENT: "Geographic indications infringements",
        Keyword.GEOGRAPHICAL_REQUIREMENTS: "Breach of the service's geographical requirements",
        Keyword.GOODS_SERVICES_NOT_PERMITTED: (
            "Goods/services not permitted to be offered on the platform"
        ),
        Keyword.GROOMING_SEXUAL_ENTICEMENT_MINORS: "Grooming/sexual enticement of minors",
        Keyword.HATE_SPEECH: (
            "Illegal incitement to violence and hatred "
            "based on protected characteristics (hate speech)"
        ),
        Keyword.HIDDEN_ADVERTISEMENT: (
            "Hidden advertisement or commercial communication, including by influencers"
        ),
        Keyword.HUMAN_EXPLOITATION: "Exploitation of human beings",
        Keyword.HUMAN_TRAFFICKING: "Trafficking in human beings",
        Keyword.ILLEGAL_ORGANIZATIONS: "Activity of illegal organizations",
        Keyword.IMPERSONATION_ACCOUNT_HIJACKING: "Impersonation or account hijacking",
        Keyword.INAUTHENTIC_ACCOUNTS: "Fake or inauthentic accounts",
        Keyword.INAUTHENTIC_LISTINGS: "Fake or inauthentic listings",
        Keyword.INAUTHENTIC_USER_REVIEWS: "Inauthentic user reviews",
        Keyword.INCITEMENT_AGAINST_WOMEN: "Illegal incitement to violence and hatred against women",
        Keyword.INCITEMENT_VIOLENCE_HATRED: "General calls or incitement to violence and/or hatred",
        Keyword.INSUFFICIENT_INFORMATION_ON_TRADERS: "Insufficient information on traders",
        Keyword.LANGUAGE_REQUIREMENTS: "Breach of the service's language requirements",
        Keyword.MISINFORMATION_DISINFORMATION: (
            "Misinformation, disinformation, foreign information manipulation and interference"
        ),
        Keyword.MISLEADING_INFO_CONSUMER_RIGHTS: (
            "Misleading information about the consumer's rights"
        ),
        Keyword.MISLEADING_INFO_GOODS_SERVICES: (
            "Misleading information about the characteristics of the goods and services"
        ),
        Keyword.MISSING_PROCESSING_GROUND: "Missing processing ground for data",
        Keyword.NON_CONSENSUAL_IMAGE_SHARING: (
            "Intimate material of an adult shared without consent"
        ),
        Keyword.NON_CONSENSUAL_IMAGE_SHARING_AGAINST_WOMEN: (
            "Intimate material of a woman shared without consent"
        ),
        Keyword.NON_CONSENSUAL_MATERIAL_DEEPFAKE: (
            "Deepfake or similar material of an adult shared without consent"
        ),
        Keyword.NON_CONSENSUAL_MATERIAL_DEEPFAKE_AGAINST_WOMEN: (
            "Deepfake or similar material of a woman shared without consent"
        ),
        Keyword.NONCOMPLIANCE_PRICING: "Non-compliance with pricing regulations",
        Keyword.NUDITY: "Nudity against the service's terms",
        Keyword.PATENT_INFRINGEMENT: "Infringement of a patent",
        Keyword.PHISHING: "Phishing for credentials or data",
        Keyword.PROHIBITED_PRODUCTS: "Prohibited or restricted products",
        Keyword.PYRAMID_SCHEMES: "Pyramid schemes and their promotion",
        Keyword.RIGHT_TO_BE_FORGOTTEN: "Right to be forgotten",
        Keyword.RISK_ENVIRONMENTAL_DAMAGE: "Risk for environmental damage",
        Keyword.RISK_PUBLIC_HEALTH: "Risk for public health",
        Keyword.SELF_MUTILATION: "Self-mutilation or its promotion",
        Keyword.STALKING: "Stalking of a person",
        Keyword.SUICIDE: "Suicide or its promotion",
        Keyword.TERRORIST_CONTENT: "Content that supports terrorism",
        Keyword.TRADE_SECRET_INFRINGEMENT: "Trade secret infringements",
        Keyword.TRADEMARK_INFRINGEMENT: "Infringement of a trademark",
        Keyword.TRAFFICKING_WOMEN_GIRLS: "Trafficking in women and girls",
        Keyword.UNLAWFUL_SALE_ANIMALS: "Unlawful sale of animals",
        Keyword.UNSAFE_CHALLENGES: "Challenges unsafe for minors",
        Keyword.UNSAFE_PRODUCTS: "Unsafe or non-compliant products",
        Keyword.VIOLATION_EU_LAW: "Violation of EU law relevant to civic discourse or elections",
        Keyword.VIOLATION_NATIONAL_LAW: (
            "Violation of national law relevant to civic discourse or elections"
        ),
        Keyword.OTHER: "Not captured by any other keyword",
    }
)

CONTENT_TYPE_LABELS: Mapping[ContentType, str] = MappingProxyType(
    {
        ContentType.APP: "An app or other software",
        ContentType.AUDIO: "Sound without moving pictures",
        ContentType.IMAGE: "A still image or photograph",
        ContentType.PRODUCT: "A product offered for sale",
        ContentType.SYNTHETIC_MEDIA: "Media generated or altered by machine",
        ContentType.TEXT: "Text of any length",
        ContentType.VIDEO: "Moving pictures, live or recorded",
        ContentType.OTHER: "Content of any other type",
    }
)

ANYWHERE = frozenset({Keyword.STALKING, Keyword.OTHER})  # keywords of every category

_OWN: Mapping[Category, tuple[Keyword, ...]] = {
    Category.ANIMAL_WELFARE: (
        Keyword.ANIMAL_HARM,
        Keyword.UNLAWFUL_SALE_ANIMALS,
    ),
    Category.CONSUMER_INFORMATION: (
        Keyword.HIDDEN_ADVERTISEMENT,
        Keyword.INSUFFICIENT_INFORMATION_ON_TRADERS,
        Keyword.MISLEADING_INFO_GOODS_SERVICES,
        Keyword.MISLEADING_INFO_CONSUMER_RIGHTS,
        Keyword.NONCOMPLIANCE_PRICING,
    ),
    Category.CYBER_VIOLENCE: (
        Keyword.CYBER_BULLYING_INTIMIDATION,
        Keyword.CYBER_HARASSMENT,
        Keyword.CYBER_INCITEMENT,
        Keyword.CYBER_STALKING,
        Keyword.NON_CONSENSUAL_IMAGE_SHARING,
        Keyword.NON_CONSENSUAL_MATERIAL_DEEPFAKE,
    ),
    Category.CYBER_VIOLENCE_AGAINST_WOMEN: (
        Keyword.BULLYING_AGAINST_GIRLS,
        Keyword.CYBER_HARASSMENT_AGAINST_WOMEN,
        Keyword.CYBER_STALKING_AGAINST_WOMEN,
        Keyword.FEMALE_GENDERED_DISINFORMATION,
        Keyword.INCITEMENT_AGAINST_WOMEN,
        Keyword.NON_CONSENSUAL_IMAGE_SHARING_AGAINST_WOMEN,
        Keyword.NON_CONSENSUAL_MATERIAL_DEEPFAKE_AGAINST_WOMEN,
    ),
    Category.DATA_PROTECTION_AND_PRIVACY_VIOLATIONS: (
        Keyword.BIOMETRIC_DATA_BREACH,
        Keyword.DATA_FALSIFICATION,
        Keyword.MISSING_PROCESSING_GROUND,
        Keyword.RIGHT_TO_BE_FORGOTTEN,
    ),
    Category.ILLEGAL_OR_HARMFUL_SPEECH: (
        Keyword.DEFAMATION,
        Keyword.DISCRIMINATION,
        Keyword.HATE_SPEECH,
    ),
    Category.INTELLECTUAL_PROPERTY_INFRINGEMENTS: (
        Keyword.COPYRIGHT_INFRINGEMENT,
        Keyword.DESIGN_INFRINGEMENT,
        Keyword.GEOGRAPHIC_INDICATIONS_INFRINGEMENT,
        Keyword.PATENT_INFRINGEMENT,
        Keyword.TRADE_SECRET_INFRINGEMENT,
        Keyword.TRADEMARK_INFRINGEMENT,
    ),
    Category.NEGATIVE_EFFECTS_ON_CIVIC_DISCOURSE_OR_ELECTIONS: (
        Keyword.MISINFORMATION_DISINFORMATION,
        Keyword.VIOLATION_EU_LAW,
        Keyword.VIOLATION_NATIONAL_LAW,
    ),
    Category.OTHER_VIOLATION_TC: (
        Keyword.ADULT_SEXUAL_MATERIAL,
        Keyword.AGE_SPECIFIC_RESTRICTIONS,
        Keyword.GEOGRAPHICAL_REQUIREMENTS,
        Keyword.GOODS_SERVICES_NOT_PERMITTED,
        Keyword.LANGUAGE_REQUIREMENTS,
        Keyword.NUDITY,
    ),
    Category.PROTECTION_OF_MINORS: (
        Keyword.AGE_SPECIFIC_RESTRICTIONS_MINORS,
        Keyword.CHILD_SEXUAL_ABUSE_MATERIAL,
        Keyword.CHILD_SEXUAL_ABUSE_MATERIAL_DEEPFAKE,
        Keyword.GROOMING_SEXUAL_ENTICEMENT_MINORS,
        Keyword.UNSAFE_CHALLENGES,
    ),
    Category.RISK_FOR_PUBLIC_SECURITY: (
        Keyword.ILLEGAL_ORGANIZATIONS,
        Keyword.RISK_ENVIRONMENTAL_DAMAGE,
        Keyword.RISK_PUBLIC_HEALTH,
        Keyword.TERRORIST_CONTENT,
    ),
    Category.SCAMS_AND_FRAUD: (
        Keyword.IMPERSONATION_ACCOUNT_HIJACKING,
        Keyword.INAUTHENTIC_ACCOUNTS,
        Keyword.INAUTHENTIC_LISTINGS,
        Keyword.INAUTHENTIC_USER_REVIEWS,
        Keyword.PHISHING,
        Keyword.PYRAMID_SCHEMES,
    ),
    Category.SELF_HARM: (
        Keyword.CONTENT_PROMOTING_EATING_DISORDERS,
        Keyword.SELF_MUTILATION,
        Keyword.SUICIDE,
    ),
    Category.UNSAFE_AND_PROHIBITED_PRODUCTS: (
        Keyword.PROHIBITED_PRODUCTS,
        Keyword.UNSAFE_PRODUCTS,
    ),
    Category.VIOLENCE: (
        Keyword.COORDINATED_HARM,
        Keyword.INCITEMENT_VIOLENCE_HATRED,
        Keyword.HUMAN_EXPLOITATION,
        Keyword.HUMAN_TRAFFICKING,
        Keyword.TRAFFICKING_WOMEN_GIRLS,
    ),
}

KEYWORDS_OF: Mapping[Category, frozenset[Keyword]] = MappingProxyType(
    {category: ANYWHERE.union(_OWN.get(category, ())) for category in Category}
)

# The European Economic Area in ISO 3166-1 codes: what a territorial scope is made of.
_EEA = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK"
TERRITORIES = frozenset(_EEA.split())

# Languages of content in ISO 639-1 codes, upper case as the database writes them.
_ISO_639_1 = (
    "AB AA AF AK SQ AM AR AN HY AS AV AE AY AZ BM BA EU BE BN BH BI BS BR BG MY CA KM CH "
    "CE NY ZH CU CV KW CO CR HR CS DA DV NL DZ EN EO ET EE FO FJ FI FR FF GD GL LG KA DE "
    "KI EL KL GN GU HT HA HE HZ HI HO HU IS IO IG ID IA IE IU IK GA IT JA JV KN KR KS KK "
    "RW KV KG KO KJ KU KY LO LA LV LB LI LN LT LU MK MG MS ML MT GV MI MR MH RO MN NA NV "
    "ND NG NE SE NO NB NN II OC OJ OR OM OS PI PA PS FA PL PT QU RM RN RU SM SG SA SC SR "
    "SN SD SI SK SL SO ST NR ES SU SW SS SV TL TY TG TA TT TE TH BO TI TO TS TN TR TK TW "
    "UG UK UR UZ VE VI VO WA CY FY WO XH YI YO ZA ZU "
)
LANGUAGES = frozenset(_ISO_639_1.split())


def keyword_belongs(keyword: Keyword, category: Category) -> bool:
    """Return whether the database allows this keyword in this category."""
    return keyword in KEYWORDS_OF[category]
