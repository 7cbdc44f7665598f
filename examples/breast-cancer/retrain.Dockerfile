# The retraining job. Context: this folder.
ARG BUILD_BASE=docker.io/library/python:3.11-slim-bookworm
ARG RUNTIME_BASE=gcr.io/distroless/python3-debian12:nonroot

FROM ${BUILD_BASE} AS build
COPY requirements.lock ./
RUN python3 -m pip install --no-cache-dir --require-hashes --no-compile --target /deps -r requirements.lock \
 && find /deps -type d -name tests -prune -exec rm -rf {} + \
 && rm -rf /deps/bin
# Compiled here, as the root file system is read-only where this runs.
RUN python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /deps

FROM ${RUNTIME_BASE}
COPY --from=build /deps /deps
COPY captured.py recipes.py retrain.py rows.py /app/
COPY server /app/server
# One thread: the data is small, and more would only fight over the job's share of a core.
ENV PYTHONPATH=/deps PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
WORKDIR /app
USER 65532:65532
ENTRYPOINT ["/usr/bin/python3", "/app/retrain.py"]
