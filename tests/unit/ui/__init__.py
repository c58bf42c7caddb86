"""The panel: its queries, and its pages in Streamlit's own test harness."""
