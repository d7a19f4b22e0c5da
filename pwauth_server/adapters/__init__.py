"""Adapters are the world that we do not control: time, chance, mail servers, memory, terminals."""
