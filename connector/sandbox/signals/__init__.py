"""Support, usage and billing platforms."""
