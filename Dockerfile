# SPDX-License-Identifier: Apache-2.0
# HORUS in a container, installed from its packages; the rover drives at its start.
#   docker build -t horus .                          # --build-arg DEBIAN=trixie: Debian 13
#   docker run --rm -it --shm-size=256m --cap-add SYS_NICE --ulimit rtprio=80 --ulimit memlock=-1 \
#     --device /dev/cpu_dma_latency horus
# Each of them gives something; without it HORUS goes on with less, and says what to pass:
#   --shm-size=256m                          room for topics and images, which are in /dev/shm; a
#                                            container has 64 MB, the rover takes 25
#   --cap-add SYS_NICE --ulimit rtprio=80    real-time priorities for the C++ nodes
#   --ulimit memlock=-1                      their memory stays: no tick waits for a page
#   --device /dev/cpu_dma_latency            CPUs that do not fall asleep between two ticks
# Containers with the same --ipc (host, or container:NAME) share topics; their pids may differ.
ARG DEBIAN=bookworm
FROM debian:${DEBIAN} AS build
WORKDIR /build/horus
COPY tools/dev/setup tools/dev/packages.txt tools/dev/
RUN tools/dev/setup build
COPY . .
RUN DEBIAN_FRONTEND=noninteractive apt-get build-dep -y -q --no-install-recommends . && \
    DEB_BUILD_OPTIONS=noautodbgsym dpkg-buildpackage -us -uc -b && \
    apt-get install -y -q ../libhorus1_*.deb ../libhorus-dev_*.deb && rm ../libhorus-dev_*.deb
RUN cp -r tests/examples/rover /rover && \
    cmake -S /rover -B /build/rover -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo && \
    cmake --build /build/rover && cp /build/rover/librover_nodes.so /rover

FROM debian:${DEBIAN}
RUN --mount=from=build,source=/build,target=/build \
    apt-get update -q && DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends /build/*.deb libjpeg62-turbo && \
    rm -rf /var/lib/apt/lists/*
COPY --from=build /rover /rover
CMD ["horus", "launch", "/rover/rover.toml"]
