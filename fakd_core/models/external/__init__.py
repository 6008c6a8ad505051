"""Networks of other projects, read by spandrel."""
