"""`doctor`: checks for what can keep the program from working, each with a hint."""
