"""A whole recording in virtual time: an hour of it, and whatever goes wrong, takes seconds."""
