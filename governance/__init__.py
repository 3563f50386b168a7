"""The decisions about accounts, their rules, their storage. Knows no HTTP and no GraphQL."""
