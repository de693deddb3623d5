"""Newtonsoft.Json as it reads, holds and writes JSON."""
