"""The values that flow through the service: frozen, pure, standard library only."""
