# One image for every process of the project. The public bases are the defaults; builds without a
# registry pass their own. Both need Python 3.11.
ARG BUILD_BASE=docker.io/library/python:3.11-slim-bookworm
ARG RUNTIME_BASE=gcr.io/distroless/python3-debian12:nonroot

FROM ${BUILD_BASE} AS build
COPY requirements/operator.lock /operator.lock
RUN python3 -m pip install --no-cache-dir --no-compile --no-deps --require-hashes --target /contender -r /operator.lock
COPY operator/contender /contender/contender
# The root file system is read-only at run time: compile now, once.
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /contender

FROM ${RUNTIME_BASE}
COPY --from=build /contender /contender
ENV PYTHONPATH=/contender PYTHONUNBUFFERED=1
USER 65532:65532
ENTRYPOINT ["/usr/bin/python3", "-m", "contender"]
CMD ["operator"]
