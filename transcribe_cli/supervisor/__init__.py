"""Decides, pure: when a session opens, is followed, is given up, and when a run is over."""
