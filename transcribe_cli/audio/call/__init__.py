"""Both sides of a call: the microphone and what the machine plays, recorded as two tracks."""
