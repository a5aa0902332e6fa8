"""Where results go: one output a file."""
