"""Front processes: they take connections and relay every call, as bytes, to the one owner of the graph."""
