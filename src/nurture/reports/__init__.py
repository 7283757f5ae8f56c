"""Reports: each is one question, the dataclass that answers it, and one query over what the engine wrote down."""
