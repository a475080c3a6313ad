"""Pages of production under /w/<workspace>/."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
