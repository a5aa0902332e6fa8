"""What a person sees: the live view, notices, safe text."""
