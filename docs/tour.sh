#!/bin/sh
# The whole chain in small: from an empty folder to an estimate by weights trained a minute ago. `make tour` runs it.
#
# Each step is one command of `mutualist`, printed before it runs. For weights worth having, take the configuration `cpu`
# instead of `tiny`, and hours instead of seconds.
set -eu
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
out=out/tour
table=data/examples/diabetes.csv

step() { printf '\n== %s\n' "$1"; }
run() {
  printf '$ %s\n' "$*"
  "$@"
}

rm -rf "$out"
mkdir -p "$out"

step "1. Samples of joint distributions whose mutual information is known, as Parquet shards"
run mutualist datagen make --config tiny --out "$out/data"

step "2. Training: a network reads the samples, and learns to answer with quantiles"
run mutualist train fit --config tiny --data.directory "$out/data" --trainer.default_root_dir "$out/run"

step "3. Calibration, on samples that training has not seen: the intervals cover as often as they say"
run mutualist calibrate --checkpoint "$out/run/checkpoints/last.ckpt" --data "$out/data" --out "$out/calibration.json"

step "4. Export: safetensors and JSON, all that an estimate needs"
run mutualist export --checkpoint "$out/run/checkpoints/last.ckpt" --calibration "$out/calibration.json" \
  --data "$out/data" --out "$out/export" --name tour

step "5. An estimate on a real table by these weights (half a minute of training shows in the width of the interval)"
run mutualist estimate "$table" --x bmi --y progression --weights "$out/export"

step "6. The same weights as a service"
printf '$ mutualist serve --weights %s --state-dir %s --port 0 &\n' "$out/export" "$out/state"
mutualist serve --weights "$out/export" --state-dir "$out/state" --port 0 --log-level warning >"$out/address" &
service=$!
trap 'kill "$service" 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM
waited=0
until grep -q http "$out/address"; do
  kill -0 "$service" 2>/dev/null && [ "$waited" -lt 60 ] || { echo "the service did not start" >&2; exit 1; }
  sleep 1
  waited=$((waited + 1))
done
address=$(sed -n 's|.*\(http://[^ ]*:[0-9]*\).*|\1|p' "$out/address" | head -n 1)
cat "$out/address"
body='{"x": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], "y": [2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11], "unit": "bits"}'
if command -v curl >/dev/null; then
  printf "\$ curl -s %s/v1/estimate -H 'content-type: application/json' \\\\\n    -d '%s'\n" "$address" "$body"
  curl -sS --noproxy '*' "$address/v1/estimate" -H 'content-type: application/json' -d "$body"
else # asks the same without curl
  printf 'POST %s/v1/estimate %s\n' "$address" "$body"
  python -c 'import sys, urllib.request as web
request = web.Request(sys.argv[1], sys.argv[2].encode(), {"content-type": "application/json"})
print(web.build_opener(web.ProxyHandler({})).open(request).read().decode())' "$address/v1/estimate" "$body"
fi
printf '\n\nEverything lies in %s.\n' "$out"
