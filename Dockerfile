# polyseek serve on the CPU:
#   docker build -t polyseek . && docker run -p 127.0.0.1:30000:30000 polyseek
# Without the address the port is open to every network of the machine, past its firewall: only with
# -e POLYSEEK_API_KEY=….
# For a GPU: docker build --build-arg EXTRA=[gpu] -t polyseek:gpu . and run it with --gpus all.
FROM python:3.11-slim

ARG EXTRA=
ENV PIP_NO_CACHE_DIR=1 PYTHONUNBUFFERED=1 POLYSEEK_CACHE=/cache POLYSEEK_HOST=0.0.0.0 POLYSEEK_PORT=30000
WORKDIR /app
COPY requirements.lock pyproject.toml README.md LICENSE NOTICE ./
RUN pip install --require-hashes -r requirements.lock
COPY src src
RUN pip install --no-deps --no-build-isolation . \
 && if [ -n "$EXTRA" ]; then pip install ".$EXTRA"; fi \
 && useradd --create-home polyseek && mkdir /cache && chown polyseek /cache
USER polyseek
# The embedded default, unpacked now and not at the first start.
RUN python -c "from polyseek.models.sources import locate; from polyseek.models.spec import DEFAULT, find_spec; locate(find_spec(DEFAULT))"
EXPOSE 30000
HEALTHCHECK --interval=10s --start-period=60s CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['POLYSEEK_PORT'] + '/health')"]
ENTRYPOINT ["polyseek"]
CMD ["serve"]
