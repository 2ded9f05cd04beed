"""Registering, signing in, devices, password and e-mail address."""
