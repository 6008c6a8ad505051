"""The library of models: the one place where they are added, shown, hidden, named and removed."""
