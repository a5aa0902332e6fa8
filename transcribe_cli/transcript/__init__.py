"""From Turn messages to a transcript. Pure."""
