# Verbs of the operator; each is one line. Without just: `hatch run <the same>`.

# run the whole system on this machine
up *args:
    hatch run up {{args}}

# all tests
test *args:
    hatch run test {{args}}

lint:
    hatch run lint

format:
    hatch run format

types:
    hatch run types

imports:
    hatch run imports

# bring the schema up to date
migrate:
    hatch run synergy migrate

create-admin *args:
    hatch run synergy create-admin {{args}}

# measure against the floor
load-test *args:
    hatch run load:run {{args}}

# seconds to the first answer, and memory
footprint:
    hatch run python ops/footprint.py

# lock the versions anew
lock *args:
    hatch run check:lock {{args}}

ci:
    bash .ci/run
