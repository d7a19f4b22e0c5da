"""Flows do what a person asked, start to finish; each opens its own units of work."""
