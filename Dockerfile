# The image of one service, or of the package `marketplace`, which provisions and looks into all of them:
#   docker build --build-arg SERVICE=orders -t ticket-marketplace/orders .
# `make images` builds all of them. What changes least comes first: a change of our code installs nothing.

# What the services need: the same layer in every image.
FROM python:3.13-slim AS dependencies
ENV PIP_CACHE_DIR=/pip-cache PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
COPY requirements.lock /locks/
RUN --mount=type=cache,target=/pip-cache \
    python -m venv --without-pip /venv && \
    pip --python /venv/bin/python install --require-hashes --only-binary :all: -r /locks/requirements.lock

FROM dependencies AS program
ARG SERVICE
COPY requirements-marketplace.lock /locks/
RUN --mount=type=cache,target=/pip-cache \
    : "${SERVICE:?name it: --build-arg SERVICE=orders}" && \
    if [ "$SERVICE" = marketplace ]; then \
      pip --python /venv/bin/python install --require-hashes --only-binary :all: -r /locks/requirements-marketplace.lock; \
    fi
# Our packages are pure Python, so that their wheels would hold just these files: nothing has to be built.
COPY */src /sources/
WORKDIR /app
# `python /app` is `python -m <service>`, in words that are the same in every image: an exec-form ENTRYPOINT takes no
# variables. Bytecode is compiled here, as nobody can write it later, and never checked against the sources again.
RUN if [ "$SERVICE" = marketplace ]; then cp -r /sources/. .; else cp -r /sources/common "/sources/$SERVICE" .; fi && \
    ln -s "$SERVICE/__main__.py" __main__.py && \
    python -m compileall -q --invalidation-mode unchecked-hash .

FROM python:3.13-slim
# A service installs nothing: what could do so is not needed either.
RUN pip uninstall --yes --quiet --root-user-action ignore pip && \
    rm -r "$(python -c 'import ensurepip; print(*ensurepip.__path__)')"
COPY --from=program /venv /venv
COPY --from=program /app /app
ENV PATH=/venv/bin:$PATH PYTHONPATH=/app PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
ARG SERVICE
LABEL org.opencontainers.image.title="ticket-marketplace/$SERVICE" \
      org.opencontainers.image.description="A ticket marketplace of event-driven services: $SERVICE"
WORKDIR /app
# A number, so that Kubernetes can see that it is not root (runAsNonRoot).
USER 10001:10001
EXPOSE 8000
# No HEALTHCHECK: Kubernetes ignores it and asks /healthz/live and /healthz/ready by itself; and `marketplace` serves nothing.
ENTRYPOINT ["python", "/app"]
