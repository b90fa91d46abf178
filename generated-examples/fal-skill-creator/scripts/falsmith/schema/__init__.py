"""One self-contained JSON Schema out of a model's document."""
