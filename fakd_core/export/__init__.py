"""Models as files that other tools open."""
