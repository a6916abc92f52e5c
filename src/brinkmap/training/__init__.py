"""Learning from paid queries: what trains the agents that come as files."""
