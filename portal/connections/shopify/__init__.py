"""Shopify: the files that its shops export."""
