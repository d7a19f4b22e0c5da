"""Web speaks HTTP: shapes in, one flow, a reply out."""
