"""Namespaces Newtonsoft.Json and Newtonsoft.Json.Linq."""
