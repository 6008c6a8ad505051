"""The FAKD loss: affinities, terms, recipes."""
