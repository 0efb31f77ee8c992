"""The receiver's store: signed batches as evidence, the ledger, the registry, and what is derived from them."""
