"""Rasa custom actions, one module per customer goal; they run in the server, on the Protocols of `ports`."""
