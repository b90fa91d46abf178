"""Flags and JSON in, one validated input out."""
