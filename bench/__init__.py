"""What the mesh costs, in CPU time per operation. Never a test: it prints, and keeps what it saw as JSON."""
