"""Technical parts of SynergyOS: nothing here knows a product word."""
