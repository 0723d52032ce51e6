# The service, without root:
#     docker build -t mutualist . && docker run --rm -p 8000:8000 -v mutualist:/state mutualist
# Settings by -e MUTUALIST_SERVE_… or after the image's name: docker run … mutualist --workers 2
FROM python:3.11-slim AS build
WORKDIR /source
# The CPU's torch: pip's default brings gigabytes of CUDA. TORCH_INDEX= takes the default.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
COPY constraints.txt ./
RUN python -m venv /venv \
 && torch="$(grep '^torch==' constraints.txt)" \
 && /venv/bin/pip install --no-cache-dir ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} "$torch"
COPY pyproject.toml README.md LICENSE ./
COPY data/examples ./data/examples
COPY mutualist ./mutualist
COPY models ./models
COPY datagen ./datagen
COPY training ./training
COPY serving ./serving
RUN /venv/bin/pip install --no-cache-dir -c constraints.txt '.[serve,cluster]'

FROM python:3.11-slim
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin mutualist \
 && install -d -o 10001 -g 10001 /state
COPY --from=build /venv /venv
USER 10001:10001
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 MUTUALIST_SERVE_HOST=0.0.0.0 MUTUALIST_SERVE_STATE_DIR=/state
VOLUME /state
EXPOSE 8000
HEALTHCHECK --start-period=30s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://localhost:8000/healthz', timeout=5)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["mutualist", "serve"]
