# A worker of the fleet; with another command, any command of Beacon. No secret is built in: see deploy/README.md.
FROM python:3.13-slim AS build
WORKDIR /source
COPY . .
RUN python -m venv /opt/beacon \
 && /opt/beacon/bin/pip install --no-cache-dir --constraint constraints.txt '.[fleet,report]'

FROM python:3.13-slim
RUN useradd --system --create-home --home-dir /var/lib/beacon beacon
COPY --from=build /opt/beacon /opt/beacon
ENV PATH=/opt/beacon/bin:$PATH PYTHONUNBUFFERED=1 BEACON_DATA_DIR=/var/lib/beacon
USER beacon
# Answers that the database could not take at once are kept here: make it a volume.
VOLUME /var/lib/beacon
# `docker stop` sends SIGTERM: the worker drains. Give it more time than --drain (docker stop --timeout 45).
STOPSIGNAL SIGTERM
ENTRYPOINT ["beacon"]
CMD ["worker"]
