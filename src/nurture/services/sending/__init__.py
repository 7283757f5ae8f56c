"""The second loop: what waits in the outbox leaves, as far as law, manners and the server allow."""
