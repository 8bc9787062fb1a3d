"""Customer health in the CRM: pull, score, plan, apply."""
