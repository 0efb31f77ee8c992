"""How batches come in: from the broker, through one intake."""
