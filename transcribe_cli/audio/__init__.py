"""Audio: formats, the audio log, sources, resampling, level."""
