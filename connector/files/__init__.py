"""Files as tables: text with delimiters, JSON, Parquet and workbooks, each read by the engine."""
