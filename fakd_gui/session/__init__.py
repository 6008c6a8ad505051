"""The state, jobs and files that the workspaces share; no widgets."""
