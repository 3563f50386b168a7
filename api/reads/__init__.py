"""A selection of fields → one SQL statement → JSON, built in the database."""
