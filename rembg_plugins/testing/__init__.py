"""What tests of this package, and of projects that use it, need."""
