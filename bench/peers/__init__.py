"""Other servers over the same database, set up as their users would, beside a node."""
