"""Picture files: PNG, figures with axes, and where output goes. Nothing here chooses colours."""
