# pwauth in a container: one process, not root, on a read-only root; everything it remembers is in /data.
#   docker build --tag pwauth .
#   docker run --read-only --tmpfs /tmp --volume pwauth:/data --publish 127.0.0.1:3000:3000 pwauth
# `make docker-test` puts a local Debian in the place of the base, so nothing below may need more than
# python3 (3.11 or newer), pip and the C library of Debian.
ARG BASE=docker.io/library/python:3.13-slim

# -- everything is installed here, so that the image holds no installer's traces
FROM ${BASE} AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends binutils && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv installer && python3 -m venv --without-pip /opt/venv
# The dependencies first: they change seldom, so their layer is kept.
COPY requirements/runtime.lock requirements/
RUN installer/bin/pip --python /opt/venv/bin/python install --only-binary :all: --require-hashes --requirement requirements/runtime.lock
COPY pyproject.toml LICENSE ./
COPY migrations migrations
COPY pwauth_server pwauth_server
# The build backend is in the lock, so this downloads nothing; then it goes, since nothing else needs it.
# Sanic asks for setuptools and imports it nowhere. Symbols for debuggers are a fifth of the libraries.
RUN installer/bin/pip --python /opt/venv/bin/python install --no-index --no-deps --no-build-isolation . \
 && installer/bin/pip --python /opt/venv/bin/python uninstall --yes hatchling pathspec pluggy trove-classifiers \
 && installer/bin/pip --python /opt/venv/bin/python check \
 && installer/bin/pip --python /opt/venv/bin/python uninstall --yes setuptools \
 && find /opt/venv -name '*.so' -exec strip --strip-unneeded {} +

# -- what runs
FROM ${BASE}
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="pwauth" \
      org.opencontainers.image.description="Self-hosted passwordless sign-in: magic links and codes by mail, sessions, tokens, one process." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# The two settings that a container must have otherwise; a configuration file cannot take them back.
# PYTHONUNBUFFERED: a log line is out when it is written. PYTHONDONTWRITEBYTECODE: the root is read-only.
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PWAUTH_SERVER_HOST=0.0.0.0 \
    PWAUTH_DATABASE_PATH=/data/auth.db
# By number, so that a cluster can see that it is not root. A new volume takes over owner and mode of /data.
RUN install -d -o 10001 -g 10001 -m 700 /data && install -d /etc/pwauth
COPY --from=builder /opt/venv /opt/venv
# A configuration is optional; mounted here as config.toml it is found.
WORKDIR /etc/pwauth
USER 10001:10001
VOLUME /data
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=6s --start-period=20s --retries=3 CMD ["pwauth", "healthcheck"]
ENTRYPOINT ["pwauth"]
CMD ["serve"]
