"""Pages of production under /w/<workspace>/."""

from django.urls import path

from production import deployment_pages, output_pages

urlpatterns = [
    path("deployments/", deployment_pages.deployments, name="deployments"),
    path("deployments/<uuid:uid>/", deployment_pages.deployment, name="deployment"),
    path(
        "deployments/<uuid:uid>/generate/", deployment_pages.deployment_generate, name="deployment-generate"
    ),
    path("deployments/<uuid:uid>/retire/", deployment_pages.deployment_retire, name="deployment-retire"),
    path("deployments/<uuid:uid>/harvest/", deployment_pages.deployment_harvest, name="deployment-harvest"),
    path("outputs/<uuid:uid>/", output_pages.output, name="output"),
    path("outputs/<uuid:uid>/feedback/", output_pages.output_feedback, name="output-feedback"),
    path("outputs/<uuid:uid>/harvest/", output_pages.output_harvest, name="output-harvest"),
]
