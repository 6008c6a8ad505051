"""The Inspect workspace: feature affinities of teacher and students."""
