"""The catalogue without a network: the local cache, the bundled models, and saved documents."""
