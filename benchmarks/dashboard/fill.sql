-- Rows for the benchmark, as many as its sizes say; past triggers and transitions.
SET session_replication_role = replica;
INSERT INTO unlearning_item (external_id, category, learning_key)
    SELECT 'sku-' || n, 'category ' || n %% 12, n FROM generate_series(1, %(items)s) n;
INSERT INTO unlearning_subject (id, identity_digest, learning_key, wrapped_key, created_at)
    SELECT md5('subject' || n)::uuid, sha256(n::text::bytea), n, sha256(n::text::bytea), now() - interval '300 days'
    FROM generate_series(1, %(subjects)s) n;
INSERT INTO unlearning_interaction (subject_id, item_id, occurred_at, rank, held_out, shared_from)
    SELECT md5('subject' || 1 + n %% %(subjects)s)::uuid, (SELECT min(id) FROM unlearning_item) + (n::bigint * 7919) %% %(items)s,
        now() - n * interval '20 seconds', random(), n %% 10 = 0, now() - interval '100 days' + n * interval '1 second'
    FROM generate_series(1, %(interactions)s) n ON CONFLICT DO NOTHING;
INSERT INTO unlearning_consentevent (subject_id, share_percent, purposes, legal_basis, notice_version, channel,
        recorded_by, external_id, effective_at, recorded_at)
    SELECT md5('subject' || 1 + n %% %(subjects)s)::uuid, (n * 13) %% 101, ARRAY['recommendation'], 'consent', '2026-01',
        'app', 'crm', 'c' || n, at, at
    FROM (SELECT n, now() - (%(events)s - n) * interval '300 days' / %(events)s AS at
        FROM generate_series(1, %(events)s) n) one ORDER BY n;
INSERT INTO unlearning_consentstate (subject_id, event_id, share_percent)
    SELECT DISTINCT ON (subject_id) subject_id, id, share_percent FROM unlearning_consentevent
    ORDER BY subject_id, effective_at DESC;
INSERT INTO models_engine_recommender (name, config, created_at) VALUES ('shop', '{}', now());
INSERT INTO models_engine_modelversion (recommender_id, number, method, seed, code_digest, digest, artifact,
        calibration, metrics, created_at, destroyed_at)
    SELECT (SELECT id FROM models_engine_recommender), n, CASE n WHEN 1 THEN 'train' ELSE 'retrain' END, 1,
        md5(n::text), md5(n::text), 'a' || n, '{}', '{"fedshare": {"recall": 0.3, "ndcg": 0.3}}',
        now() - (60 - n) * interval '1 day', CASE WHEN n < 60 THEN now() END FROM generate_series(1, 60) n;
UPDATE models_engine_recommender SET serving_id = (SELECT max(id) FROM models_engine_modelversion);
INSERT INTO unlearning_dataset (version_id, as_of, salt, root, subjects, pairs)
    SELECT id, created_at, '\x00', md5(number::text), %(subjects)s, %(interactions)s FROM models_engine_modelversion;
INSERT INTO audits_logentry (recorded_at, kind, payload)
    SELECT now() - (%(requests)s - n) * interval '4 minutes', 'evidence.issued', jsonb_build_object('n', n)
    FROM generate_series(1, %(requests)s) n;
INSERT INTO audits_issueddocument (schema, canonical, digest, log_entry_id, issued_at)
    SELECT 'fedshare/register-2', '{"id": "x", "period": {"from": "2026-01-01", "until": "2026-02-01"}}',
        encode(sha256(id::text::bytea), 'hex'), id, recorded_at FROM audits_logentry;
INSERT INTO audits_report (document_id, language, name, written_at)
    SELECT id, 'en', 'r' || id || '.pdf', issued_at FROM audits_issueddocument;
INSERT INTO unlearning_job (id, recommender_id, state, attempt, tries, phase, progress, timings, trouble, created_at)
    SELECT md5('job' || n)::uuid, (SELECT id FROM models_engine_recommender), 'done', 1, 1, '', 1, '{}', '',
        now() - n * interval '1 hour' FROM generate_series(1, %(requests)s / 20) n;
INSERT INTO unlearning_request (id, kind, scope, regime, state, manner, external_id, source, part, received_at, due_at,
        paused, extension_reason, denial, rows_removed_at, rows_removed, conclusion, verdict, completed_at, evidence_id,
        job_id)
    SELECT md5('request' || n)::uuid, CASE WHEN n %% 3 = 0 THEN 'unshare' ELSE 'erase' END, 'all',
        CASE WHEN n %% 4 = 0 THEN 'ccpa' ELSE 'gdpr' END,
        CASE WHEN ended THEN 'completed' WHEN n %% 5 = 0 THEN 'identity_pending' ELSE 'accepted' END, 'api',
        'ticket-' || n, CASE WHEN n %% 2 = 0 THEN 'crm' ELSE 'webshop' END, '', received, received + interval '31 days',
        interval '0', '', '', CASE WHEN ended OR n %% 5 > 0 THEN received END, 20,
        CASE WHEN ended THEN (ARRAY['exact', 'equivalent', 'certified'])[1 + n %% 3] END,
        CASE WHEN ended THEN 'inconclusive' ELSE '' END, CASE WHEN ended THEN received + interval '3 hours' END,
        CASE WHEN ended THEN (SELECT min(id) FROM audits_issueddocument) + n - 1 END,
        CASE WHEN ended THEN md5('job' || 1 + n / 20)::uuid END
    FROM (SELECT n, n < %(requests)s * 0.95 AS ended, now() - (%(requests)s - n) * interval '4 minutes' AS received
        FROM generate_series(1, %(requests)s) n) one;
INSERT INTO unlearning_requestsubject (request_id, subject_id, commitment)
    SELECT md5('request' || n)::uuid, md5('subject' || 1 + n %% %(subjects)s)::uuid, md5(n::text)
    FROM generate_series(1, %(requests)s) n;
INSERT INTO unlearning_request_reached (request_id, modelversion_id)
    SELECT id, (SELECT serving_id FROM models_engine_recommender) FROM unlearning_request WHERE rows_removed_at IS NOT NULL;
INSERT INTO unlearning_requestevent (request_id, action, by, reason, at)
    SELECT id, 'identity_verified', 'officer', 'signed in', received_at FROM unlearning_request;
INSERT INTO unlearning_endpoint (id, owner, name, url, events, wrapped_key, disabled_because, created_at)
    SELECT md5('endpoint' || n)::uuid, 'crm', 'Recipient ' || n, 'https://example.org/', ARRAY['data.withdrawn'], '\x00',
        '', now() FROM generate_series(1, 5) n;
INSERT INTO unlearning_delivery (id, endpoint_id, event, payload, occurred_at, state, tries, next_at)
    SELECT gen_random_uuid(), md5('endpoint' || 1 + row_number() OVER () %% 5)::uuid, 'data.withdrawn',
        jsonb_build_object('request', id), received_at, 'delivered', 1, received_at FROM unlearning_request;
INSERT INTO unlearning_deliveryattempt (delivery_id, at, status, trouble, milliseconds)
    SELECT id, occurred_at, 200, '', 80 FROM unlearning_delivery;
INSERT INTO unlearning_accessrecord (at, by, what, subject, detail)
    SELECT received_at, 'officer', 'view', md5('subject1')::uuid, '' FROM unlearning_request;
SET session_replication_role = origin;
