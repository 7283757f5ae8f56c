"""From a template and plain facts to a message: words, MIME and signed links. Nothing here sends anything."""
