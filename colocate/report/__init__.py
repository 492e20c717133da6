"""Make tables, figures and the page of a stored run. Nothing here needs the machine that the run was made on."""
