"""What was meant, whoever said it: what may come from where, `.env`, credentials, journals."""
