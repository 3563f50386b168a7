"""What the networks agreed, as pure functions over plain values. No clock, no database."""
