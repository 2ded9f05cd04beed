"""Promises, each tried by a sentence about a person."""
