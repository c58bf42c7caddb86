"""Every query of the panel, one module a page, as functions of a connection. Free of Streamlit.

A query is marked with the tables that its answer depends on. It returns frames or small records; units are those of
the warehouse's column comments. What is asked of the user's own tables, and what is written to them, stands in `users`.
"""
