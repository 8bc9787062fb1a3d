"""What a run did, for a person: on the terminal and as one HTML page."""
