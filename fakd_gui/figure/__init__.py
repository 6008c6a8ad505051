"""The dialog that makes figures for papers."""
