"""Requirements: from the modules that code imports to distributions with bounds."""
