"""The Compare workspace: models side by side on one image."""
