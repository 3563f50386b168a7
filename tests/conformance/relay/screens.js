// What a client built on Relay would show: lists by pages, both ways, and a case with its appeals.

graphql`
  fragment screens_sanctions on Query
  @argumentDefinitions(
    first: { type: "Int", defaultValue: 20 }
    after: { type: "String" }
    filter: { type: "SanctionFilter" }
  )
  @refetchable(queryName: "screensSanctionsPageQuery") {
    sanctions(first: $first, after: $after, filter: $filter)
      @connection(key: "screens_sanctions", filters: ["filter"]) {
      totalCount
      edges {
        node {
          ...screens_sanction
        }
      }
    }
  }
`;

graphql`
  fragment screens_sanction on Sanction @argumentDefinitions(withPlatform: { type: "Boolean!", defaultValue: true }) {
    measure
    effect
    issuedAt
    expiresAt
    platform @include(if: $withPlatform) {
      domain
    }
  }
`;

graphql`
  fragment screens_appeals on Sanction
  @argumentDefinitions(
    first: { type: "Int" }
    after: { type: "String" }
    last: { type: "Int" }
    before: { type: "String" }
  )
  @refetchable(queryName: "screensAppealsPageQuery") {
    appeals(first: $first, after: $after, last: $last, before: $before)
      @connection(key: "screens_appeals") {
      edges {
        node {
          state
          outcome
          dueAt
        }
      }
    }
  }
`;

graphql`
  fragment screens_platforms on Query
  @argumentDefinitions(last: { type: "Int", defaultValue: 5 }, before: { type: "String" })
  @refetchable(queryName: "screensPlatformsPageQuery") {
    platforms(last: $last, before: $before) @connection(key: "screens_platforms") {
      edges {
        node {
          domain
          name
        }
      }
    }
  }
`;

graphql`
  query screensHomeQuery($filter: SanctionFilter) {
    policy {
      version
    }
    ...screens_sanctions @arguments(first: 10, filter: $filter)
    ...screens_platforms
  }
`;

graphql`
  query screensCaseQuery($id: ID!) {
    node(id: $id) {
      __typename
      ... on Sanction {
        ...screens_sanction @alias @arguments(withPlatform: false)
        ...screens_appeals @alias @arguments(first: 3)
      }
    }
  }
`;

graphql`
  mutation screensLiftMutation($input: LiftSanctionInput!) {
    liftSanction(input: $input) {
      ... on SanctionChanged {
        sanction {
          ...screens_sanction
        }
      }
      ... on Refusal {
        code
        message
        path
      }
    }
  }
`;
