"""What the workspaces share: the session, its jobs and files. No widget."""
