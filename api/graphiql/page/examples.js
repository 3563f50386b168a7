// What the tabs begin with. They ask about the demonstration world, where there is one.

const DAY = 24 * 60 * 60 * 1000;
const daysAhead = (days) => new Date(Date.now() + days * DAY).toISOString();

const TIME_OUT = {
  issuerReference: `EXAMPLE-${Date.now()}`,
  subject: "acct:an_example@driftwood.example",
  measure: "ACCOUNT_SUSPENDED",
  expiresAt: daysAhead(7),
  ground: "INCOMPATIBLE_CONTENT",
  groundReference: "Community rules, 3: no harassment",
  category: "CYBER_VIOLENCE",
  reason: "You insulted other people again after a warning.",
  conductFrom: daysAhead(-2),
  conductTo: daysAhead(-1),
  source: "OWN_INITIATIVE",
  automation: "NOT_AUTOMATED",
  isAutomatedDetection: false,
};

const EXAMPLES = [
  {
    query: `# Is this server suspended? Anyone may ask.
query SuspendedServer {
  suspensionStatus(subject: "https://bulk-invites.example") {
    isSuspended
    isPermanent
    until
    sanctions {
      measure
      effect
      expiresAt
      platform { domain name }
    }
  }
}
`,
  },
  {
    query: `# What was decided of late. Anyone may ask.
query LatestSanctions($after: String) {
  sanctions(first: 10, after: $after, filter: { effects: [IN_FORCE] }) {
    totalCount
    nodes {
      id
      measure
      category
      issuedAt
      expiresAt
      platform { domain }
      appeals(first: 1) { nodes { state outcome } }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`,
  },
  {
    query: `# What the platforms agreed on, as data.
query AgreedPolicy {
  policy {
    version
    permanentBases
    longestSuspensionSeconds
    longestTotalSeconds
    totalWindowSeconds
    ladderSeconds
    appealWindowSeconds
    appealDueSeconds
  }
}
`,
  },
  {
    query: `# Is this account suspended?
# Complete the header below with a token.
query SuspendedAccount {
  suspensionStatus(subject: "acct:rusty_kettle@tidepool.example") {
    isSuspended
    until
    sanctions {
      measure
      category
      expiresAt
      platform { domain }
    }
  }
}
`,
  },
  {
    query: `# What would issuing this time-out come to?
# Writes nothing; takes an issuer's token.
query PreviewedTimeOut($input: IssueSanctionInput!) {
  previewSanction(input: $input) {
    isAccepted
    refusal { code message path }
    startsAt
    expiresAt
    advice { seconds basis { id } }
    overlaps { id measure expiresAt platform { domain } }
  }
}
`,
    variables: { input: TIME_OUT },
  },
  {
    query: `# Issues the time-out; takes an issuer's token.
# The same issuerReference gets the same answer.
mutation IssueTimeOut($input: IssueSanctionInput!) {
  issueSanction(input: $input) {
    __typename
    ... on SanctionIssued {
      sanction { id effect expiresAt }
      appealSecret
    }
    ... on Refusal { code message path }
  }
}
`,
    variables: { input: TIME_OUT },
  },
];
