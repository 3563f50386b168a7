"""The feed as it is followed: read once for all who ask alike, told over WebSocket and SSE."""
