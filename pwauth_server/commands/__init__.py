"""The subcommands of ``pwauth``, one file for each subject."""
