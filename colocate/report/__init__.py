"""Make tables, figures and the page of a stored run. Nothing is measured here."""
