"""Puts recordings together and takes them apart: everything between options and runs."""
