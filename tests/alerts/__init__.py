"""Alerts: what is seen, kept, told and taken note of."""
