"""What the parent knows about networks and runtimes; the process that infers is `worker`."""
