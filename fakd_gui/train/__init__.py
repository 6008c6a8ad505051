"""The Train workspace: settings, curves and previews of a training."""
