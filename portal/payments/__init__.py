"""Saved payment methods: what the processor lets us know, never a number."""
