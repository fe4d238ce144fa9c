"""Running data actions with the machine's Node.js: one process an execution, nothing shared between two of them."""
