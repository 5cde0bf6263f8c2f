"""results/*.jsonl -> REPORT.md with its pictures, and the terminal's table."""
