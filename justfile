# The operator's verbs for the compose stack, then the developer's. Without just: `synergy stack VERB`, or
# `PYTHONPATH=apps/cli/src python3 -m synergy_cli.stack VERB`, which needs nothing but Python and docker.

set positional-arguments := true

export PYTHONPATH := justfile_directory() / "apps/cli/src"
stack := "python3 -m synergy_cli.stack"

# list the verbs
default:
    @just --list --unsorted

# write .env with fresh secrets, and secrets/: `just init work.example.org`
init *args:
    @{{ stack }} init "$@"

# start everything, and build the images that are not here
up:
    @{{ stack }} up

# end and remove all containers; the data stays
down *args:
    @{{ stack }} down "$@"

# start stopped containers
start *services:
    @{{ stack }} start "$@"

# stop containers
stop *services:
    @{{ stack }} stop "$@"

# replace containers, one after another: `just restart api`
restart *services:
    @{{ stack }} restart "$@"

# follow the logs: `just logs api -n 100`
logs *args:
    @{{ stack }} logs "$@"

# containers and their health
ps:
    @{{ stack }} ps

# memory and processor time of each container
stats:
    @{{ stack }} stats

# build the images
build *services:
    @{{ stack }} build "$@"

# pull the images
pull *services:
    @{{ stack }} pull "$@"

# write the digests of the base images to .env
pin-images:
    @{{ stack }} pin-images

# build and roll out, without a lost request; goes back by itself when it does not work
deploy *args:
    @{{ stack }} deploy "$@"

# to a new version: backup, then as deploy; `just upgrade --plan` says what would happen
upgrade *args:
    @{{ stack }} upgrade "$@"

# go back to the release before
rollback:
    @{{ stack }} rollback

# set the number of containers: `just scale api=3 worker=5`
scale +counts:
    @{{ stack }} scale "$@"

# bring the schema up to date
migrate:
    @{{ stack }} migrate

# make an account that runs the instance
create-admin *args:
    @{{ stack }} create-admin "$@"

# a shell in a container: `just shell worker`
shell *service:
    @{{ stack }} shell "$@"

# the database, read-only unless --write
psql *args:
    @{{ stack }} psql "$@"

# a Redis server: `just redis-cli broker info`
redis-cli +args:
    @{{ stack }} redis-cli "$@"

# certificates by ACME: `just tls init --email ops@example.org`, `just tls renew`
tls +args:
    @{{ stack }} tls "$@"

# say what is wrong and what mends it; exit status 0 well, 1 a fault, 2 could not look
doctor *args:
    @{{ stack }} doctor "$@"

# take a backup now
backup *args:
    @{{ stack }} backup "$@"

# what can be restored
backups *args:
    @{{ stack }} backups "$@"

# go back to an earlier state: `just restore --to 2026-11-30T14:05:00+01:00 --yes`; `--verify` only tries
restore *args:
    @{{ stack }} restore "$@"

# restore the newest backup beside the running system, and compare
drill:
    @{{ stack }} drill

# write all keys to a file for a safe: `just escrow /media/usb/keys.env`
escrow file:
    @{{ stack }} escrow "$1"

# from the keys and the backups to a running system: `just recover keys.env --from /media/disk/backups`
recover *args:
    @{{ stack }} recover "$@"

# the lists of maintenance, each with its last record; exit status 1 when something is overdue
maintenance-status *args:
    @{{ stack }} maintenance-status "$@"

# do and record maintenance: `just maintenance run weekly.disk_space`, `just maintenance logs`
maintenance *args:
    @{{ stack }} maintenance "$@"

# ask through the proxy what a user meets first
smoke:
    @{{ stack }} smoke

# what to set for this machine, and why: `just tune --users 1000`, `just tune --write`
tune *args:
    @{{ stack }} tune "$@"

# kill everything at random while clients write, then compare; `just chaos --kills 200`
chaos *args:
    hatch run chaos:run "$@"

# put faults into a running system, and measure when somebody is told; `just alerts --healthy 3600`
alerts *args:
    hatch run alerts:run "$@"

# measure, and write a dated report; `--quick`; `--url https://… --token-file …` for a system that runs
load-test *args:
    hatch run load:run "$@"

# everything on this machine without Docker, for trying and developing
embedded *args:
    hatch run up "$@"

# begin a migration: `just migration add_sprints`
migration name:
    hatch run synergy migration "$1"

# all tests
test *args:
    hatch run test "$@"

# the compose stack, for real; --full for all of it
compose-test *args:
    hatch run compose:run "$@"

lint:
    hatch run lint

format:
    hatch run format

types:
    hatch run types

imports:
    hatch run imports

# seconds to the first answer, and memory
footprint:
    hatch run python ops/footprint.py

# bills of materials, licences, and what the registries know against our libraries
audit *args:
    hatch run audit:run "$@"

# lock the versions anew
lock *args:
    hatch run check:lock "$@"

ci:
    bash .ci/run
