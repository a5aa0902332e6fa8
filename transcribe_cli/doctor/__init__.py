"""What can keep the program from working: looked at one by one, each with how to mend it."""
