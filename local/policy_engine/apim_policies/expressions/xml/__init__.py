"""XML as System.Xml.Linq reads, holds and writes it."""
