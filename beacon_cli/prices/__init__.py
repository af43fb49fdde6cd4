"""What a call costs: the dated table, prices of one's own, the rates of a workspace; and the limit on it."""
