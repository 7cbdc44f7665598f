"""``make test``: everything that can be checked, in the order and company that is quickest."""
