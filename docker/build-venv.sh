#!/bin/sh
# Makes /venv in two layers, from what lies in /build: `libraries`, which are locked, then `ours`, which change.
# What only builds or debugs is taken out.
set -eu
pip="/hatchling/bin/pip --disable-pip-version-check --quiet"
if [ "$1" = libraries ]; then
  python3 -m venv /hatchling
  $pip install --require-hashes -r /build/requirements-build.txt
  python3 -m venv --without-pip /venv
  $pip --python /venv/bin/python install --require-hashes --only-binary :all: -r /build/requirements.txt
  exit 0
fi
# our own packages need nothing more: what they import is installed and locked
for member in packages/platform packages/domain apps/api apps/worker apps/cli; do
  (cd "/build/$member" && /hatchling/bin/python -m hatchling build -t wheel -d /wheels >/dev/null)
done
$pip --python /venv/bin/python install --no-deps --no-index /wheels/*.whl
libraries=$(echo /venv/lib/python3*/site-packages)
find /venv -type d \( -name tests -o -name test \) -prune -exec rm -rf {} +
find /venv -type f \( -name '*.py[xi]' -o -name '*.pxd' -o -name '*.c' -o -name '*.cpp' -o -name '*.h' -o -name '*.hpp' \) -delete
# of Swagger UI the one page of the API is served, without its editor; setuptools is asked for and never imported
find "$libraries/swagger_ui/static" -type f ! -name swagger-ui.css ! -name swagger-ui-bundle.js -delete
rm -rf "$libraries"/setuptools* "$libraries/_distutils_hack" "$libraries/distutils-precedence.pth"
rm -f /venv/bin/activate* /venv/bin/Activate.ps1
# the debugging symbols of compiled modules are a seventh of all
find /venv -name '*.so*' -type f -exec strip --strip-unneeded {} +
# the file system is read-only later, and nothing compiled could be kept
/venv/bin/python -m compileall -q -j 0 /venv/lib
