# The program and nothing else: a project's folder is mounted to publish it, and workers read the database.

FROM python:3.11.13-slim-bookworm AS build
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /venv
# What changes seldom comes first. Every file that is installed has its hash in a lock.
COPY requirements.lock requirements-mail.lock requirements-build.lock ./
RUN /venv/bin/pip install --require-hashes -r requirements.lock -r requirements-mail.lock \
    && pip install --require-hashes --no-deps -r requirements-build.lock
COPY . .
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheel . \
    && /venv/bin/pip install --no-deps --no-index --find-links /wheel nurture \
    && /venv/bin/python -m compileall -q /venv/lib

FROM python:3.11.13-slim-bookworm
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin nurture \
    && mkdir /project
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    NURTURE_PROJECT=/project NURTURE_LISTEN=0.0.0.0:8000
USER 10001:10001
WORKDIR /project
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=10s --start-period=30s CMD ["nurture", "web", "--check"]
ENTRYPOINT ["nurture"]
CMD ["web"]
