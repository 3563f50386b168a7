"""Records in other forms: daily files of the log, and formats of others."""
