"""From Turn messages to a transcript: pure."""
