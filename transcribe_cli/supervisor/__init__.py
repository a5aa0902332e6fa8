"""Decides when a session opens, is followed or given up, and when a run is over. Pure."""
