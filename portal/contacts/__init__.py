"""An address we may write to, and what its owner said about being written to."""
