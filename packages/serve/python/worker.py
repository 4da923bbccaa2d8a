"""Runs one model in Python for the model server; made ready in the next step."""
