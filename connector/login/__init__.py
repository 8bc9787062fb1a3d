"""What every login by a person has in common, whichever CRM it is to."""
