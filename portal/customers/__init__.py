"""The person, with or without an account."""
