# Two images. The default has the embedded engine, and works without any key. The other needs a provider's key:
#   docker build -t talking-agent .
#   docker build -t talking-agent:slim --build-arg REQUIREMENTS=requirements.txt .
# compose.yaml and docs/operations/containers.md run them.

ARG PYTHON=docker.io/library/python:3.12-slim-bookworm

FROM ${PYTHON} AS packages
ARG REQUIREMENTS=requirements-local.txt
ENV PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
COPY ${REQUIREMENTS} requirements.lock
RUN python3 -m venv .venv \
    && .venv/bin/pip install --no-cache-dir --no-compile --require-hashes -r requirements.lock

FROM ${PYTHON}
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin talking-agent \
    && install -d -o talking-agent -g talking-agent -m 0700 /data
WORKDIR /app
COPY --from=packages /app/.venv .venv
COPY . .
# In a container, 127.0.0.1 reaches only the container itself. Listen on all its addresses, and publish the port.
# Nothing is written outside /data and /tmp, so the root file system can be read-only.
ENV PATH=/app/.venv/bin:${PATH} HOST=0.0.0.0 PORT=8000 DATA_DIR=/data HOME=/tmp \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001
VOLUME /data
EXPOSE 8000
# A stop closes the talks and saves their turns.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=2)"]
CMD ["python", "manage.py", "serve"]
