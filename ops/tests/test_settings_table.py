"""Every setting steers something, and a test beside what it steers proves it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from synergy_platform.settings import documented_settings

ROOT = Path(__file__).parents[2]

DEADLINE = "apps/api/tests/test_deadline.py"
GRANIAN = "apps/api/tests/test_granian.py"
API = "apps/api/tests/test_settings_steer.py"
FILES = "apps/api/tests/test_files_on_s3.py"
WORKER = "apps/worker/tests"
UP = "apps/cli/tests/test_up.py"
PLATFORM = "packages/platform/tests"

SPANS = f"{PLATFORM}/test_spans.py"
DATABASE = f"{PLATFORM}/test_settings_steer.py::test_all_connections_go_where_the_settings_say"
MAIL = f"{PLATFORM}/test_settings_steer.py::test_mail_goes_out_as_the_settings_say"
S3 = f"{FILES}::test_attachment_on_s3_comes_back_whole_and_in_parts"
BACKUP = "apps/cli/tests/test_backup_parts.py::test_backups_and_their_key_are_where_the_settings_say"
COPY = "ops/compose/tests/test_backup.py::test_copy_in_a_bucket"
HOURS = "apps/cli/tests/test_backup_parts.py::test_hours_that_are_off_never_come_and_wrong_ones_are_refused"

PROOFS = {
    "SYNERGY_ENV": f"{PLATFORM}/test_settings.py::test_production_refuses_what_is_unsafe",
    "DEBUG": f"{PLATFORM}/test_logs.py::test_debug_lines_are_there_when_asked_for",
    "SECRET_KEY": f"{PLATFORM}/test_parts.py::test_rotated_secret_signs_with_the_new_and_verifies_both",
    "ALLOWED_HOSTS": f"{DEADLINE}::test_host_that_is_not_ours_is_421_but_for_health",
    "SYNERGY_HOME": f"{PLATFORM}/test_settings_steer.py::test_home_and_media_folder_are_where_the_settings_say",
    "SYNERGY_HOST": "apps/cli/tests/test_settings.py::test_public_port_listens_where_the_settings_say",
    "SYNERGY_PORT": f"{UP}::test_up_with_used_port_says_which_setting_chooses_another",
    "SYNERGY_PUBLIC_URL": "packages/domain/tests/identity/test_accounts.py"
    "::test_verification_mail_links_to_the_public_address",
    "SYNERGY_API_HOST": f"{GRANIAN}::test_live_and_ready_exit_with_0_only_when_the_api_is",
    "SYNERGY_API_PORT": f"{GRANIAN}::test_live_and_ready_exit_with_0_only_when_the_api_is",
    "WEB_WORKERS": f"{GRANIAN}::test_worker_that_is_killed_is_replaced",
    "SYNERGY_REQUEST_DEADLINE": f"{DEADLINE}::test_request_that_waits_too_long_is_504_and_changes_nothing",
    "SYNERGY_API_MAX_MB": f"{GRANIAN}::test_worker_above_the_memory_limit_is_renewed",
    "SYNERGY_TRUSTED_PROXIES": f"{GRANIAN}::test_forwarded_address_is_believed_from_trusted_proxies_only",
    "DB_NAME": DATABASE,
    "DB_USER": DATABASE,
    "DB_PASSWORD": DATABASE,
    "DB_HOST": f"{PLATFORM}/test_settings_steer.py::test_direct_connections_go_around_the_pooler",
    "DB_PORT": f"{PLATFORM}/test_heartbeats.py"
    "::test_keep_beating_touches_its_file_whether_the_database_is_there_or_not",
    "DB_DIRECT_HOST": f"{PLATFORM}/test_settings_steer.py::test_direct_connections_go_around_the_pooler",
    "SYNERGY_DB_POOL_SIZE": f"{PLATFORM}/test_settings_steer.py"
    "::test_process_opens_no_more_connections_than_the_setting_says",
    "REDIS_URL": f"{PLATFORM}/test_ratelimit.py::test_limits_are_shared_and_cleared",
    "TASKIQ_BROKER_URL": f"{WORKER}/test_worker.py::test_work_jobs_enqueued_before_the_first_worker_are_all_done",
    "SYNERGY_WORKER_CONCURRENCY": f"{WORKER}/test_settings_steer.py"
    "::test_worker_does_as_many_jobs_at_a_time_as_the_setting_says",
    "SYNERGY_METRICS_PORT": f"{WORKER}/test_settings_steer.py"
    "::test_worker_tells_its_metrics_on_the_port_of_the_setting",
    "SYNERGY_HEARTBEAT_FILE": f"{WORKER}/test_probe.py::test_process_keeps_its_heartbeat_file_fresh",
    "JWT_ACCESS_TOKEN_LIFETIME": f"{API}::test_tokens_live_as_long_as_the_settings_say",
    "JWT_REFRESH_TOKEN_LIFETIME": f"{API}::test_tokens_live_as_long_as_the_settings_say",
    "SYNERGY_SESSION_LIFETIME": "apps/api/tests/test_sessions.py::test_session_ends_for_good_however_much_it_is_used",
    "SYNERGY_REGISTRATION": f"{API}::test_registration_is_open_or_by_invitation_or_closed",
    "SYNERGY_OIDC_PROVIDERS": "apps/api/tests/test_oidc.py::test_providers_of_the_settings_are_told_in_their_order",
    "CORS_ALLOWED_ORIGINS": f"{API}::test_web_clients_elsewhere_need_an_allowed_origin",
    "CSRF_TRUSTED_ORIGINS": f"{API}::test_unsafe_requests_with_cookies_need_a_trusted_origin",
    "SESSION_COOKIE_SECURE": f"{API}::test_secure_cookies_are_for_https_and_this_host_only",
    "CSRF_COOKIE_SECURE": f"{PLATFORM}/test_settings.py::test_production_refuses_what_is_unsafe",
    "EMAIL_BACKEND": f"{PLATFORM}/test_parts.py::test_mailer_follows_the_setting",
    "EMAIL_HOST": MAIL,
    "EMAIL_PORT": MAIL,
    "EMAIL_USE_TLS": MAIL,
    "EMAIL_HOST_USER": MAIL,
    "EMAIL_HOST_PASSWORD": MAIL,
    "DEFAULT_FROM_EMAIL": MAIL,
    "SYNERGY_MAX_UPLOAD_MB": f"{API}::test_attachment_larger_than_the_limit_is_413",
    "SYNERGY_MAX_IMPORT_MB": f"{API}::test_import_larger_than_the_limit_is_413",
    "SYNERGY_MEDIA_ROOT": f"{PLATFORM}/test_settings_steer.py::test_home_and_media_folder_are_where_the_settings_say",
    "SYNERGY_MEDIA_ACCEL": "apps/api/tests/test_attachments.py"
    "::test_download_through_the_proxy_names_the_internal_location_and_sends_nothing",
    "SYNERGY_STORAGE": S3,
    "SYNERGY_S3_ENDPOINT": S3,
    "SYNERGY_S3_REGION": S3,
    "SYNERGY_S3_BUCKET": S3,
    "SYNERGY_S3_ACCESS_KEY_ID": S3,
    "SYNERGY_S3_SECRET_ACCESS_KEY": S3,
    "SYNERGY_BACKUP_S3_ENDPOINT": COPY,
    "SYNERGY_BACKUP_S3_REGION": COPY,
    "SYNERGY_BACKUP_S3_BUCKET": COPY,
    "SYNERGY_BACKUP_S3_ACCESS_KEY_ID": COPY,
    "SYNERGY_BACKUP_S3_SECRET_ACCESS_KEY": COPY,
    "SYNERGY_BACKUP_HEARTBEAT_URL": "apps/cli/tests/test_backup_container.py"
    "::test_a_good_backup_is_told_where_the_setting_says",
    "SYNERGY_BACKUP_DIR": BACKUP,
    "SYNERGY_BACKUP_KEY": BACKUP,
    "SYNERGY_BACKUP_TIME": HOURS,
    "SYNERGY_DRILL_TIME": HOURS,
    "SYNERGY_RATE_LIMIT_API": "apps/api/tests/test_limits.py::test_requests_are_limited_as_the_setting_says",
    "SYNERGY_RATE_LIMIT_LOGIN": f"{API}::test_sign_ins_and_registrations_are_limited_as_the_settings_say",
    "SYNERGY_RATE_LIMIT_REGISTER": f"{API}::test_sign_ins_and_registrations_are_limited_as_the_settings_say",
    "SYNERGY_RATE_LIMIT_MFA": f"{API}::test_codes_of_the_second_factor_are_limited_as_the_setting_says",
    "SYNERGY_RATE_LIMIT_FORGOT": f"{API}::test_mails_that_are_asked_for_are_limited_as_the_setting_says",
    "SYNERGY_RATE_LIMIT_RESET": f"{API}::test_passwords_set_by_a_link_are_limited_as_the_setting_says",
    "SYNERGY_WEBHOOK_ALLOWED_NETWORKS": f"{PLATFORM}/test_outgoing.py"
    "::test_allowed_networks_setting_opens_what_it_names_and_nothing_else",
    "SENTRY_DSN": f"{WORKER}/test_reporting.py"
    "::test_fault_of_ours_in_a_request_is_told_without_anything_of_the_request",
    "OTEL_EXPORTER_OTLP_ENDPOINT": f"{SPANS}::test_spans_go_to_the_collector_of_the_setting_with_its_headers",
    "OTEL_EXPORTER_OTLP_HEADERS": f"{SPANS}::test_spans_go_to_the_collector_of_the_setting_with_its_headers",
    "OTEL_TRACES_SAMPLER": f"{SPANS}::test_sampler_of_the_setting_decides",
    "OTEL_TRACES_SAMPLER_ARG": f"{SPANS}::test_share_that_is_recorded_is_that_of_the_setting",
    "SYNERGY_LOG_LEVEL": f"{PLATFORM}/test_logs.py::test_lines_below_the_level_are_not_written",
    "SYNERGY_LOG_FORMAT": f"{PLATFORM}/test_logs.py::test_pretty_lines_are_for_people_and_show_no_local_variables",
}
# Read by the proxy's own program; what it does there is tested with the proxy.
BY_THE_PROXY = {"SECURE_SSL_REDIRECT": "docker/proxy/40-synergy.sh"}
# Named by operators of old, or kept for a feature that is not there: `.env.example` says so.
WITHOUT_EFFECT = {"TASKIQ_RESULT_BACKEND", "GEMINI_API_KEY"}


def test_every_setting_is_proved_once_or_said_to_have_no_effect():
    settings = {setting.name for setting in documented_settings()}
    assert {*PROOFS, *BY_THE_PROXY, *WITHOUT_EFFECT} == settings
    assert len(PROOFS) + len(BY_THE_PROXY) + len(WITHOUT_EFFECT) == len(settings)
    assert {setting.name for setting in documented_settings() if setting.unused} == WITHOUT_EFFECT


@pytest.mark.parametrize("place", sorted(set(PROOFS.values())))
def test_proof_is_there(place):
    path, test = place.split("::")
    assert re.search(rf"^(async )?def {test}\(", (ROOT / path).read_text(), re.MULTILINE)


@pytest.mark.parametrize(("name", "path"), BY_THE_PROXY.items())
def test_proxy_reads_its_settings(name, path):
    assert name in (ROOT / path).read_text()


def test_setting_without_effect_is_read_by_nothing():
    fields = [setting.field for setting in documented_settings() if setting.unused]
    sources = [path for folder in ("apps", "packages") for path in (ROOT / folder).glob("*/src/**/*.py")]
    read = "\n".join(path.read_text() for path in sources if path.parent.name != "settings")
    assert not [field for field in fields if re.search(rf"\.{field}\b", read)]
