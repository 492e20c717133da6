"""Which runtimes there are and which of them work here."""
