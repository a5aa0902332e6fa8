"""The platform behind small doors."""
