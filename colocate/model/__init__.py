"""The nouns that every room may import: frozen, without input or output."""
