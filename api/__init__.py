"""Puts the decisions on the network: GraphQL, pages, the command line. Holds no rule."""
