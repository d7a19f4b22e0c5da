"""pwauth: the sign-in server that small teams put in front of their internal tools."""

__version__ = "0.1.0"
