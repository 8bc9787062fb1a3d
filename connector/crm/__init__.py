"""The CRMs: systems we read accounts from and write results to."""
