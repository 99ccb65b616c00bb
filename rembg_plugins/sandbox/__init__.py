"""The RemBG API on this machine: same endpoints, same checks, same errors, no credits."""
