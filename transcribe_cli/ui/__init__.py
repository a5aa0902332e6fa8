"""The terminal: live view, status line, notices, keys, text made safe to show."""
