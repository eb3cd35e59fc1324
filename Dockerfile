# One image for every role of every service; the command says which: `python -m services.issuer api`.
#
#     docker build -t laurel .
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
RUN python -m venv /opt/laurel
WORKDIR /src
# Packages first: they change less often than we do, and every file must match the lock's hash.
COPY requirements.lock ./
RUN /opt/laurel/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements.lock
COPY pyproject.toml README.md ./
COPY shared shared
COPY services services
COPY console console
COPY cli cli
COPY deploy deploy
# The build backend is in the lock, so nothing is fetched that no hash names.
RUN /opt/laurel/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM ${BASE}
COPY --from=build /opt/laurel /opt/laurel
# A new volume takes over the owner of the folder it is mounted on.
RUN useradd --system --uid 10001 laurel && install -d -o laurel -m 0700 /run/laurel /var/lib/laurel/mail /var/lib/laurel/spans
ENV PATH=/opt/laurel/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /
USER laurel
EXPOSE 8000
CMD ["laurel", "--help"]
