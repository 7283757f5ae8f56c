"""How many nurture steps a small machine carries per second, next to a good program without nurture."""
