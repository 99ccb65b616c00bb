"""The adapter and all that it decides; knows no transport, no click and no Django."""
