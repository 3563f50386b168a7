"""Selections for researchers: asked for, made beside a server, fetched by signed links."""
