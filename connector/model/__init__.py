"""The health model: measures, scorecard, tiers, identity and explanation, as SQL and values."""
