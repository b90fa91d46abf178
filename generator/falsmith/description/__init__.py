"""The words by which a model is chosen: what goes in, what comes out, what sets it apart."""
