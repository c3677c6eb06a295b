# The gateway as an image: one virtual environment, no build tools, no root.
#
#   docker build --tag dinie-gateway:0.1.0 .
#   docker run --read-only --tmpfs /tmp --cap-drop ALL \
#     --security-opt no-new-privileges --env DINIE_ENV=sandbox ... dinie-gateway:0.1.0

FROM python:3.13-slim-bookworm AS builder

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore

WORKDIR /build
RUN python -m venv /opt/venv

# The dependencies first: this layer changes with the lock, not with the code.
# Wheels only, so that the image can never depend on a compiler, each known by its hash.
COPY requirements.lock requirements-build.lock ./
RUN /opt/venv/bin/pip install --no-deps --only-binary :all: --require-hashes \
        --requirement requirements.lock \
    && python -m pip install --no-deps --only-binary :all: --require-hashes \
        --requirement requirements-build.lock

COPY pyproject.toml README.md LICENSE ./
COPY config config
COPY gateway gateway
RUN python -m pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
    && /opt/venv/bin/pip install --no-deps dist/*.whl \
    && /opt/venv/bin/pip check \
    && /opt/venv/bin/pip uninstall --yes pip \
    && /opt/venv/bin/python -m compileall -q /opt/venv/lib


FROM python:3.13-slim-bookworm

LABEL org.opencontainers.image.title="dinie-gateway" \
      org.opencontainers.image.description="A sidecar gateway to the Dinie credit API" \
      org.opencontainers.image.version="0.1.0"

# Bytecode is compiled above: the root file system may be read-only. Bodies that do not
# fit into memory are spilled to TMPDIR, the one folder that has to be writable.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONFAULTHANDLER=1 \
    TMPDIR=/tmp

RUN groupadd --gid 10001 gateway \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent \
        --shell /usr/sbin/nologin gateway

COPY --from=builder /opt/venv /opt/venv

# By number: `runAsNonRoot` cannot be checked against a name.
USER 10001:10001

# Empty: configuration is in the wheel; mount /etc/dinie-gateway to replace it.
WORKDIR /app

EXPOSE 8080 8081

# For plain Docker; Kubernetes has probes of its own. `wait` follows `listen.admin`.
HEALTHCHECK --interval=30s --timeout=6s --start-period=30s --retries=3 \
    CMD ["dinie-gateway", "wait", "--timeout", "1"]

STOPSIGNAL SIGTERM
ENTRYPOINT ["dinie-gateway"]
CMD ["serve"]
