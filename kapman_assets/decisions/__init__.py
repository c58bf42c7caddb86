"""Trade ideas made of a session's stored facts, checked before they are believed, and scored in the open."""
