"""API routes of corpus under /api/v1/."""

from django.urls import path

from corpus import api, cleaning_api, source_api, versions_api

urlpatterns = [
    path("sources/", source_api.sources, name="api-sources"),
    path("sources/freeze/", source_api.corpus_freeze, name="api-corpus-freeze"),
    path("sources/<uuid:uid>/", source_api.source, name="api-source"),
    path("sources/<uuid:uid>/documents/", source_api.documents, name="api-source-documents"),
    path("sources/<uuid:uid>/cleanings/", cleaning_api.source_cleanings, name="api-source-cleanings"),
    path("cleanings/<uuid:uid>/", cleaning_api.cleaning, name="api-cleaning"),
    path("cleanings/<uuid:uid>/apply/", cleaning_api.cleaning_apply, name="api-cleaning-apply"),
    path("cleanings/<uuid:uid>/restore/", cleaning_api.cleaning_restore, name="api-cleaning-restore"),
    path("dataset-versions/", api.dataset_versions, name="api-dataset-versions"),
    path("dataset-versions/<uuid:uid>/", api.dataset_version, name="api-dataset-version"),
    path("dataset-versions/<uuid:uid>/rows/", api.dataset_rows, name="api-dataset-version-rows"),
    path("dataset-versions/<uuid:uid>/diff/", versions_api.version_diff, name="api-dataset-version-diff"),
    path("dataset-versions/<uuid:uid>/tag/", versions_api.version_tag, name="api-dataset-version-tag"),
    path("dataset-versions/<uuid:uid>/untag/", versions_api.version_untag, name="api-dataset-version-untag"),
]
