"""The window around the workspaces: menus, status bar, messages."""
