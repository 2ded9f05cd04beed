"""Who looked, what changed, what we sent."""
