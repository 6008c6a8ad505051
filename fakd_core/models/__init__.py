"""Super-resolution networks with declared feature taps: how they are built, read and written."""
