"""Who may be written to: the ledger, the suppression list, and the page on which people choose and leave."""
