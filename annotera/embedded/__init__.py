"""The services that `manage.py up` runs by itself; Django-free, so that the settings may import it."""
