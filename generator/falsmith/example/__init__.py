"""The example of a model: which fields it has, what they are for, and their values."""
