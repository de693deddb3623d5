"""Logs, workbook, alerts."""
