"""The demo: an invented music shop with its customers, orders and letters."""
