"""Survey platforms as the sandbox plays them, one file each."""
