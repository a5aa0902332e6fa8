"""The commands: options in, one call, exit code out."""
