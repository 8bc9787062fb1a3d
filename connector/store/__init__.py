"""What the connector remembers: the lake (bulk data) and the state (small facts)."""
