"""Recordings on disk: their folders, journals and locks."""
