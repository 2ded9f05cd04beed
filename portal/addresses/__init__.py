"""Addresses, by the custom of each country."""
