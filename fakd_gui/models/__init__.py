"""Windows about a model file: what it is, and its export."""
