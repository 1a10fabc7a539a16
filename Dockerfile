# One image for gateway, broker and auth_api; the command says which: python -m gateway.
# The stage nats is the NATS server with a folder that it may write to without being root.

ARG NATS=nats:2.15.1-alpine
ARG NODE=node:24.19.0-slim
ARG PYTHON=python:3.13.9-slim-trixie

FROM ${NATS} AS nats
# A new volume takes the owner of the folder that it is mounted on.
RUN ["install", "-d", "-o", "10001", "-g", "10001", "/data"]
COPY deploy/nats.sh /etc/nats/
USER 10001:10001

FROM ${NODE} AS javascript
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN ["npm", "ci", "--omit=dev"]

FROM ${PYTHON} AS packages
COPY requirements/run.txt .
RUN ["python", "-m", "venv", "/venv"]
RUN ["/venv/bin/pip", "install", "--no-cache-dir", "--require-hashes", "--only-binary=:all:", "-r", "run.txt"]

FROM ${PYTHON}
WORKDIR /parley
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    APP_PORT=8000
COPY --from=packages /venv /venv
COPY --from=javascript /build/node_modules/socket.io-client/dist node_modules/socket.io-client/dist
COPY --from=javascript /build/node_modules/uqr/dist node_modules/uqr/dist
COPY shared shared
COPY gateway gateway
COPY broker broker
COPY auth_api auth_api
COPY client/src client/src
COPY deploy/healthcheck.py deploy/
# The file system is read-only when it runs, so Python could not keep these then.
RUN ["python", "-m", "compileall", "-q", "."]
USER 10001:10001
HEALTHCHECK --interval=3s --timeout=3s --retries=5 --start-period=30s CMD ["python", "deploy/healthcheck.py"]
