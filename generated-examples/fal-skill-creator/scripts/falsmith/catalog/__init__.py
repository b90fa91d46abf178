"""Model documents that need no network: those that ship with falsmith, and saved ones."""
