"""The sources: systems we only read. One file per platform, named by `type` in the config."""
