# A worker of the fleet; with another command, any command of Beacon. No secret is built in: see deploy/README.md.
FROM python:3.13-slim AS build
# A worker alone needs `fleet`; `report` is for compare and report, and half of the image.
ARG EXTRAS=fleet,report
WORKDIR /source
COPY . .
RUN python -m venv /opt/beacon \
 && /opt/beacon/bin/pip install --no-cache-dir --constraint constraints.txt ".[$EXTRAS]"

FROM python:3.13-slim
RUN useradd --uid 10001 --no-create-home --home-dir /var/lib/beacon --shell /usr/sbin/nologin beacon \
 && install --directory --owner=beacon --group=beacon --mode=700 /var/lib/beacon
COPY --from=build /opt/beacon /opt/beacon
ENV PATH=/opt/beacon/bin:$PATH PYTHONUNBUFFERED=1 BEACON_DATA_DIR=/var/lib/beacon
# A number, so that orchestrators can see that it is not root.
USER 10001:10001
# Answers that the database could not take at once are kept here: make it a volume.
VOLUME /var/lib/beacon
# SIGTERM drains: --drain seconds for the calls, and up to 20 more. docker stop must wait that long (--stop-timeout 60).
STOPSIGNAL SIGTERM
ENTRYPOINT ["beacon"]
CMD ["worker"]
