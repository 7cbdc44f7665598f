"""The custom resources: data models without behaviour."""
