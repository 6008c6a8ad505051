"""Widgets that every workspace uses; they know no session."""
