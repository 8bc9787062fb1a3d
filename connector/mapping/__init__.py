"""Mapping files: what is read from the CRM, and which value goes to which of its fields."""
