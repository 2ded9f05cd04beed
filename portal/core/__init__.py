"""The kernel: what every slice stands on, and what knows no person."""
