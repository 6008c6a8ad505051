"""Settings and folders of training runs."""
