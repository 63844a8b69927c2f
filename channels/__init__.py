"""Channels: one folder per medium; each proves the sender, parses, and hands messages to the inbox."""
