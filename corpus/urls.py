"""Pages of corpus under /w/<workspace>/."""

from django.urls import path

from corpus import cleaning_pages, source_pages, version_pages, views

urlpatterns = [
    path("sources/", source_pages.sources, name="sources"),
    path("sources/new/", source_pages.source_new, name="source-new"),
    path("sources/freeze/", source_pages.corpus_freeze, name="corpus-freeze"),
    path("sources/<uuid:uid>/", source_pages.source, name="source"),
    path("sources/<uuid:uid>/upload/", source_pages.source_upload, name="source-upload"),
    path("sources/<uuid:uid>/clean/", cleaning_pages.source_clean, name="source-clean"),
    path("documents/<uuid:uid>/", source_pages.document, name="document"),
    path("cleanings/<uuid:uid>/", cleaning_pages.cleaning, name="cleaning"),
    path("cleanings/<uuid:uid>/apply/", cleaning_pages.cleaning_apply, name="cleaning-apply"),
    path("cleanings/<uuid:uid>/restore/", cleaning_pages.cleaning_restore, name="cleaning-restore"),
    path("datasets/", views.datasets, name="datasets"),
    path("datasets/<uuid:uid>/", version_pages.dataset_version, name="dataset-version"),
    path("datasets/<uuid:uid>/diff/", version_pages.version_diff, name="version-diff"),
    path("datasets/<uuid:uid>/tag/", views.version_tag, name="version-tag"),
    path("datasets/<uuid:uid>/untag/", views.version_untag, name="version-untag"),
]
