"""Whatever can run one trial."""
