"""The public site at /, and the pages for the sanctioned and for staff.

It asks the GraphQL schema in this process, as whoever looks, and knows nothing else: no SQL and no
rule stands here. Every view has an address, and works without JavaScript.
"""
