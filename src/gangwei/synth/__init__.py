"""Synthetic ads with known truth."""
