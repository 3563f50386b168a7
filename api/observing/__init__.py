"""What a node tells its operator: a line and figures a request, spans, health. Never about whom."""
