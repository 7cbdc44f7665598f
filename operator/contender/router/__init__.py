"""The router: Envoy's configuration from a traffic plan. Pure."""
