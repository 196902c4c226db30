# syntax=docker/dockerfile:1
# The app with exactly what uv.lock says, without uv, compilers or tests in the end; docs/deploy.md says how to run it.

FROM python:3.11-slim-bookworm AS build
COPY --from=ghcr.io/astral-sh/uv:0.13.9 /uv /usr/local/bin/uv
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_NO_CACHE=1 UV_PYTHON_DOWNLOADS=never
WORKDIR /app
# First what seldom changes, so that a change of the code does not install everything anew.
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-dev --extra postgres --extra metrics --no-install-project
COPY README.md LICENSE ./
COPY assets/examples assets/examples
COPY assets/languages assets/languages
COPY assets/ui assets/ui
COPY kling_ui kling_ui
RUN uv sync --frozen --no-dev --extra postgres --extra metrics --no-editable

FROM python:3.11-slim-bookworm
# 1000 is the user of Hugging Face Spaces. Only /data and /tmp are ever written to.
RUN useradd --uid 1000 --create-home app && install --directory --owner app --group app /data
COPY --from=build /app/.venv /app/.venv
ENV PATH=/app/.venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    KLING_UI_HOST=0.0.0.0 KLING_UI_PORT=7860 KLING_UI_DATA_DIR=/data
USER app
WORKDIR /data
VOLUME /data
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --start-interval=2s CMD \
    ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['KLING_UI_PORT'] + '/health', timeout=4)"]
STOPSIGNAL SIGTERM
CMD ["kling-ui", "app"]
