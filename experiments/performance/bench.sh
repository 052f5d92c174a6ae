#!/usr/bin/env bash
# Measure every claim again, in less than 20 minutes on two cores, and render README.md.
# LT_BENCH_MIRROR: pinned assets, LT_BENCH_RELEASE: a checkout of LetsTalk's release; what needs one that is not given
# is left out. Larger sizes are run by hand (by_hand/, and the compiled rows of model_step.py).
set -euo pipefail
cd "$(dirname "$0")"
python=${PYTHON:-python}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

run() { # one script by itself
  local started=$SECONDS
  echo "== $*"
  "$python" "$@" || return # of its own: set -e says nothing of a function whose status is looked at
  echo "== $1: $((SECONDS - started)) s"
}
beside() { # two scripts at a time, what they print in one piece each
  wait_for_a_place 1
  (run "$@" >"$work/$1.log" 2>&1 || touch "$work/failed"; cat "$work/$1.log") &
}
wait_for_a_place() {
  while [ "$(jobs -rp | wc -l)" -gt "$1" ]; do wait -n; done
}

# Wall clocks and two threads: nothing else runs.
release=()
if [ -n "${LT_BENCH_RELEASE:-}" ]; then release=(--release "$LT_BENCH_RELEASE"); fi
run startup.py --out startup.json
run model_step.py "${release[@]}" --plain --rounds 5 --out model_step.json
run sampler_steps.py --preset micro --rounds 5 --out sampler_steps.json
run one_way_symbiotic.py 5
run window_reading.py --out window_reading.json
clips=()
if [ -n "${LT_BENCH_MIRROR:-}" ]; then
  clips=("$LT_BENCH_MIRROR"/grid-sample/{sbia1a,lwbsza}.mpg)
  run preparation.py "${clips[@]}" --out preparation.json
fi
run leaderboard_page.py --out leaderboard_page.json

# Memory, CPU seconds of one thread, and limits that are far away: two at a time.
export OMP_NUM_THREADS=1
beside peak_memory.py --quick --out peak_memory.json
beside long_video_memory.py --out long_video_memory.json
if [ "${#clips[@]}" -gt 0 ]; then
  beside one_pass.py --clips 1 --frames 50 --work "$work/one_pass" --out one_pass.json
fi
beside many_cells.py --cells 200 --repeats 5 --out many_cells.json
beside frechet.py --repeats 5 --out frechet.json
beside many_clips.py --out many_clips.json
if [ "${#clips[@]}" -gt 0 ]; then
  beside evaluation_memory.py --quick --out evaluation_memory.json
  beside long_video.py "${clips[0]}" --frames 75 1000 --out long_video.json
fi
beside many_videos.py --out many_videos.json
beside search_suggestions.py --out search_suggestions.json
wait_for_a_place 0
if [ -e "$work/failed" ]; then exit 1; fi
"$python" summary.py
