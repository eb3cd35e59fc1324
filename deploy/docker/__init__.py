"""Laurel in containers: what docker-compose.yml needs beside the image, and stand-ins where none can be pulled."""
