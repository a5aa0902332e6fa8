"""One live recording: events in, actions out."""
