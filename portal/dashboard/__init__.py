"""The first page, My Account, and the pages that explain the portal from its own code and settings."""
