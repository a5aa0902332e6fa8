"""Both sides of a call: microphone and what the machine plays, in one recording of two tracks."""
