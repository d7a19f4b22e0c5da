"""``python -m pwauth_server`` is the same as ``pwauth``."""

from pwauth_server.cli import main

if __name__ == "__main__":
    main()
