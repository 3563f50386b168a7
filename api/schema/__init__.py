"""The GraphQL schema, one file a noun. Each field is declared once, in `governance`."""
