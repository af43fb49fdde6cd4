"""How Beacon reaches other machines: which certificate authorities it trusts, and which proxy it goes through."""
