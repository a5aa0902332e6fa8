"""Workers that transcribe files, by Dask: the client's part, theirs, and the scheduler's.

Each worker runs the loop of `run/loop.py` and takes files in; the recordings lie in a save-dir that
all of them share, and the client makes its outputs of their journals. Nothing here is imported
without `--cluster`.
"""
