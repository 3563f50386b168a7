"""Imports of real input: one file a foreign format, all through `governance.issuing`."""
