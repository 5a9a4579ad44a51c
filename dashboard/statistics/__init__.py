"""Statistics: what the tallies of the record say, for people. The figures come from `edge.statistics`; nothing is counted here."""
