"""The FAKD Workbench window."""
