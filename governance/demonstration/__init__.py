"""The demonstration world: a dozen invented platforms and two years of their decisions."""
