"""HubSpot: companies read and written by its CRM API."""

from .crm import Crm

__all__ = ["Crm"]
