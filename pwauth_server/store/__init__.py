"""The store only remembers: tables, and the verbs that read and write them."""
