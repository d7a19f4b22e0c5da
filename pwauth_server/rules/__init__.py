"""Rules only compute: no clock, no chance, no `async`, no database, no HTTP."""
