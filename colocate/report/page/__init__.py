"""report.html: a run as one file to open, send and print; `render.write_page` makes it."""
