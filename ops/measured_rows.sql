-- 20,000 more rows for a measurement of backup and restore; about half of their bytes cannot be compressed.
CREATE TABLE IF NOT EXISTS measured (number int PRIMARY KEY, noise text, words text);
INSERT INTO measured
SELECT n, (SELECT string_agg(sha512((n || '-' || part)::text::bytea)::text, '') FROM generate_series(1, 4) part),
       repeat('a word that comes again ', 20)
FROM (SELECT coalesce(max(number), 0) AS last FROM measured) before, generate_series(last + 1, last + 20000) n;
