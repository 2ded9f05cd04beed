"""Orders, how long the law keeps them, and the people they were gifts for."""
