"""Seeing, taking and deleting: the rights over one's data."""
