"""What the main process knows about networks and runtimes. The process that runs networks is in `worker`."""
