# One image, several commands: docker-compose.yml and deploy/helm/values.yaml say which service runs which.
# The build stage keeps pip's caches and the compiled build tools out of the image that runs.
FROM python:3.12.13-slim-bookworm AS build

RUN python -m venv /opt/kapman
ENV PATH=/opt/kapman/bin:$PATH \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /src

# The dependencies first: this layer changes only with the lock. Wheels only, since a source package would run
# its own code while it is built; the lock has a wheel of everything for this platform. The lock is complete, hence
# --no-deps: pip would otherwise look up `gql[requests]`, which dagster-graphql asks for, and refuse it, because the
# lock pins `gql` and `requests` separately.
COPY requirements/runtime.txt requirements/runtime.txt
RUN pip install --require-hashes --no-deps --only-binary :all: -r requirements/runtime.txt

# .dockerignore lets through nothing but the packages and what it takes to install them.
COPY . .
RUN pip install --no-deps . \
    && pip check


FROM python:3.12.13-slim-bookworm

# A fixed number, so that Kubernetes can hold it against runAsNonRoot and a host can own a bind mount with it.
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin kapman

COPY --from=build /opt/kapman /opt/kapman
COPY kapman_resources/dagster.yaml deploy/workspace.yaml /opt/dagster/home/

# What a run prints is kept under DAGSTER_HOME/storage. `kapman materialize` has its Dagster home in KAPMAN_HOME:
# with the link, both write into the one volume that is mounted there, and the webserver shows either's output.
# A new named volume takes its first content and its owner from these directories.
RUN install -d -o kapman -g kapman /var/lib/kapman /var/lib/kapman/dagster /var/lib/kapman/dagster/storage \
    && ln -s /var/lib/kapman/dagster/storage /opt/dagster/home/storage \
    && chown -R -h kapman:kapman /opt/dagster

# Batched events: a range of sessions is one run with thousands of them, each a round trip otherwise.
ENV PATH=/opt/kapman/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DAGSTER_HOME=/opt/dagster/home \
    DAGSTER_EVENT_BATCH_SIZE=100 \
    DAGSTER_DISABLE_TELEMETRY=yes \
    KAPMAN_HOME=/var/lib/kapman \
    NUMBA_CACHE_DIR=/tmp/numba

USER 10001
# Settings look for `.env` in the working directory when there is no checkout; there is none here, on purpose.
WORKDIR /var/lib/kapman
CMD ["kapman", "--help"]
