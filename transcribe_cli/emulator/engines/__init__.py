"""What recognises speech in the local service."""
