"""The web channel: visitors' tokens, messages in, the event log out by WebSocket or long poll."""
