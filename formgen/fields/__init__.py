"""Kinds of field: each turns a value into text and text into a value."""
