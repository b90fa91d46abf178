"""The one reader of an input schema: the document, its words, its validation."""
