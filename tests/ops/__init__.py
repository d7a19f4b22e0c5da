"""What an operator relies on: probe, container, dashboards, alerts."""
