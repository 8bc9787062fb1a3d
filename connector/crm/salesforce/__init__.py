"""Salesforce: REST queries in, sObject Collections out, fields by the Tooling API."""

from .crm import Crm

__all__ = ["Crm"]
