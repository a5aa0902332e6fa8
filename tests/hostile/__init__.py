"""Peers, folders and neighbours that mean no good, or do not care, met by the real program."""
