"""The recording on disk: its folder and its journal."""
