"""What outlives a run: the ledger, the journal of an apply, the audit log, and the lock that guards them."""
