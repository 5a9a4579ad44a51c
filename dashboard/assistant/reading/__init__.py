"""From a file's bytes to passages. Everything in here runs in a confined process and touches neither disk nor network."""
