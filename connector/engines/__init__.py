"""Engines: tables by file list, SQL in, Arrow out."""
