"""Everything that depends on the platform, behind small modules."""
