"""Graph components for Rasa's NLU pipeline; each is a thin shell over a plain module."""
