# deepzoom on the CPU:
#     docker build --tag deepzoom .
#     docker run --rm --volume "$PWD:/out" deepzoom render --depth 1e-20
FROM python:3.13-slim AS build
COPY . /source
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels /source

FROM python:3.13-slim
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    python -m pip install --no-cache-dir --only-binary :all: /wheels/*.whl
# compiled kernels and reference runs; give it a volume to keep them
ENV DEEPZOOM_CACHE=/cache
RUN useradd --create-home deepzoom && mkdir /cache /out && chown deepzoom /cache /out
USER deepzoom
WORKDIR /out
VOLUME /cache
ENTRYPOINT ["deepzoom"]
CMD ["--help"]
