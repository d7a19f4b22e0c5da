"""How fast the server is, measured the way a stranger can repeat it: see README.md beside this file."""
