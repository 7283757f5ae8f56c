"""A person's rights: everything handed out, everything forgotten, nothing kept too long."""
