"""All checks of a system whose database, Redis servers and addresses can be asked; the stack's doctor takes parts."""

from __future__ import annotations

from synergy_cli.doctor.checks import background, backups, certificate, database, machine, settings, web
from synergy_cli.doctor.checks.redis import REDIS_CHECKS
from synergy_cli.doctor.findings import Check

SETTINGS = [
    Check("settings", "can be read", settings.readable),
    Check("settings", "safe for production", settings.production_safe),
    Check("settings", "SECRET_KEY", settings.secret_key),
    Check("settings", "two Redis servers", settings.redis_apart),
    Check("settings", "public address", settings.public_url),
    Check("settings", "cookies", settings.secure_cookies),
    Check("settings", "hosts", settings.allowed_hosts),
    Check("settings", "mail", settings.mail_leaves),
]

DATABASE = [
    Check("database", "reachable", database.reachable),
    Check("database", "version", database.version),
    Check("database", "role", database.role),
    Check("database", "schema", database.schema),
    Check("database", "encoding", database.encoding),
    Check("database", "checksums", database.checksums),
    Check("database", "durable", database.durable),
    Check("database", "autovacuum", database.autovacuum),
    Check("database", "connections", database.connections),
    Check("database", "pools", database.pools),
    Check("database", "long transactions", database.long_transactions),
    Check("database", "lock waits", database.lock_waits),
    Check("database", "locked tables", database.table_locks),
    Check("database", "dead rows", database.dead_rows),
    Check("database", "transaction numbers", database.transaction_age),
    Check("database", "indexes", database.broken_indexes),
    Check("database", "size", database.size),
    Check("database", "clock", database.clock),
    Check("database", "newest event", database.clock_not_behind),
    Check("database", "time limits", database.session),
]

BACKGROUND = [
    Check("background", "worker", background.worker),
    Check("background", "scheduler", background.scheduler),
    Check("background", "oldest job", background.oldest_job),
    Check("background", "dead letters", background.dead_letters),
    Check("background", "outbox", background.outbox),
    Check("background", "schedules", background.late_schedules),
]

API = [
    Check("API", "live", web.live),
    Check("API", "ready", web.ready),
    Check("API", "latency", web.latency),
    Check("API", "parts", web.parts),
    Check("API", "version", web.same_version),
    Check("API", "description", web.description),
    Check("API", "sign-in wanted", web.guarded),
]

WEB = [
    Check("web", "page", web.page),
    Check("web", "files", web.files),
    Check("web", "headers", web.headers),
    Check("web", "API behind it", web.through_web),
]

MAILS = [
    Check("mail", "queued", background.old_mails),
    Check("mail", "lost", background.lost_mails),
]

BACKUPS = [
    Check("backups", "taken", backups.taken),
    Check("backups", "proven", backups.proven),
    Check("backups", "keys elsewhere", backups.escrowed),
]

MACHINE = [
    Check("machine", "memory", machine.machine_memory),
    Check("machine", "disk", machine.disk_free),
    Check("machine", "inodes", machine.inodes),
    Check("machine", "clock", machine.clock),
    Check("machine", "private files", machine.private_files),
]

ALL = [
    Check("system", "runs", machine.running),
    *SETTINGS, *DATABASE, *REDIS_CHECKS, *BACKGROUND, *API, *WEB,
    Check("storage", "writes and reads", machine.storage),
    Check("mail", "way out", background.mail_way_out),
    *MAILS, *BACKUPS,
    Check("processes", "all there", machine.processes),
    Check("processes", "none stopped", machine.stopped),
    Check("processes", "memory", machine.process_memory),
    Check("processes", "open files", machine.open_files),
    *MACHINE,
    Check("machine", "memory of the group", machine.group_memory),
    Check("certificate", "at the public address", certificate.certificate),
]  # fmt: skip
