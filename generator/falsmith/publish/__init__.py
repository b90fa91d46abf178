"""Skills as hosts take them: self-contained copies, archives, indexes and plugins."""
