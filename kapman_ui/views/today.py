"""Page."""

from kapman_ui.layout import page_head

page_head("Today", "What must I do now?")
