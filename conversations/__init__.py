"""The record: inbox, messages, owner, turns, outbox, live updates. What is said here is said once and stays."""
