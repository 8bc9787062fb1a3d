"""What runs beside the flow: it receives, and never writes to the CRM."""
