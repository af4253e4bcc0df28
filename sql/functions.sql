-- functions.sql: what lives in the database itself: notifications to the
-- other nodes when the model or anybody's access changes, whoever changed
-- it, and what must hold of an account by whatever door it changes. Runs
-- inside the migration's transaction, after the system's tables are there,
-- whenever this text differs from the one in force. Statements only CREATE
-- OR REPLACE, or IF NOT EXISTS, or do nothing the second time.
--
-- The triggers are for rows, so that a statement that finds nothing to
-- change tells nobody; equal notifications of a transaction are sent once.
-- With a notification goes the node whose connection it is (db_settings.node
-- of db/db.h), or nothing where somebody else writes.

-- Listeners load the model again.
CREATE OR REPLACE FUNCTION actd_notify_model() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_catalog.pg_notify('actd_model',
		coalesce(pg_catalog.current_setting('actd.node', true), ''));
	RETURN NULL;
END
$$;

-- Listeners forget what they know of users and their groups.
CREATE OR REPLACE FUNCTION actd_notify_access() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_catalog.pg_notify('actd_access',
		coalesce(pg_catalog.current_setting('actd.node', true), ''));
	RETURN NULL;
END
$$;

-- TRUNCATE knows no rows: it has a trigger of its own for each table. A new
-- account is in nobody's memory; a changed one may be.
DO $$
DECLARE
	watched record;
BEGIN
	FOR watched IN SELECT * FROM (VALUES
		('model', 'world', NULL),
		('model', 'action', NULL),
		('model', 'smd', NULL),
		('model', 'world_world_id_has_usergroup_usergroup_id', NULL),
		('model', 'action_action_id_has_usergroup_usergroup_id', NULL),
		('access', 'user_account', 'UPDATE OF auth_version, password, '
			'email, name OR DELETE'),
		('access', 'usergroup', NULL),
		('access', 'user_account_user_account_id_has_usergroup_'
			'usergroup_id', NULL)
	) AS tables (cache, name, changes)
	LOOP
		EXECUTE format('CREATE OR REPLACE TRIGGER actd_%1$s '
			'AFTER %3$s ON %2$I FOR EACH ROW '
			'EXECUTE FUNCTION actd_notify_%1$s()',
			watched.cache, watched.name, coalesce(watched.changes,
				'INSERT OR UPDATE OR DELETE'));
		EXECUTE format('CREATE OR REPLACE TRIGGER actd_%1$s_truncate '
			'AFTER TRUNCATE ON %2$I FOR EACH STATEMENT '
			'EXECUTE FUNCTION actd_notify_%1$s()',
			watched.cache, watched.name);
	END LOOP;
END
$$;

-- A new password revokes all tokens of its account, whoever sets it.
CREATE OR REPLACE FUNCTION actd_revoke_tokens() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
	NEW.auth_version := greatest(NEW.auth_version,
		coalesce(OLD.auth_version, 0) + 1);
	RETURN NEW;
END
$$;

CREATE OR REPLACE TRIGGER actd_revoke_tokens
BEFORE UPDATE OF password
ON user_account
FOR EACH ROW WHEN (OLD.password IS DISTINCT FROM NEW.password)
EXECUTE FUNCTION actd_revoke_tokens();

-- Signing in finds an address in any case: so there is one account for it.
CREATE UNIQUE INDEX IF NOT EXISTS actd_user_account_email
ON user_account (lower(email));

-- What runs of actions have changed in tables with history (db/journal.h):
-- rows as they were, for undoing. No door of the API leads here.
CREATE TABLE IF NOT EXISTS actd_journal (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	run uuid NOT NULL,
	entity text NOT NULL,
	operation text NOT NULL,
	reference_id uuid NOT NULL,
	version bigint NOT NULL,
	image jsonb
);
CREATE INDEX IF NOT EXISTS actd_journal_run ON actd_journal (run, id);

CREATE OR REPLACE FUNCTION actd_forget_journal() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM actd_journal WHERE run = OLD.reference_id;
	RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER actd_forget_journal
AFTER DELETE
ON action_run
FOR EACH ROW EXECUTE FUNCTION actd_forget_journal();

-- Answers kept under a client's Idempotency-Key (db/idempotency.h). Not an
-- entity: no door of the API leads here.
CREATE TABLE IF NOT EXISTS actd_idempotency (
	account bigint NOT NULL REFERENCES user_account (id) ON DELETE CASCADE,
	key text NOT NULL,
	request text NOT NULL,
	status integer,
	content_type text,
	location text,
	entity_tag text,
	body text,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (account, key)
);
CREATE INDEX IF NOT EXISTS actd_idempotency_created_at
	ON actd_idempotency (created_at);

-- What a background job works on (db/job.h), staged before its request is
-- answered and gone with the job's end. No door of the API leads here.
CREATE TABLE IF NOT EXISTS actd_job_input (
	job bigint NOT NULL REFERENCES job (id) ON DELETE CASCADE,
	file integer NOT NULL,
	part integer NOT NULL,
	data bytea NOT NULL,
	PRIMARY KEY (job, file, part)
);
CREATE INDEX IF NOT EXISTS actd_job_due
	ON job (run_after, id) WHERE state = 'queued';

CREATE INDEX IF NOT EXISTS actd_job_finished_at
	ON job (finished_at) WHERE finished_at IS NOT NULL;

-- Runners look for work, or whether theirs is to end; who watches a job
-- looks at it.
CREATE OR REPLACE FUNCTION actd_notify_job() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.state = 'queued' OR NEW.is_cancel_requested THEN
		PERFORM pg_catalog.pg_notify('actd_job', '');
	END IF;
	PERFORM pg_catalog.pg_notify('actd_job_event', NEW.reference_id::text);
	RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER actd_job_created
AFTER INSERT
ON job
FOR EACH ROW EXECUTE FUNCTION actd_notify_job();

CREATE OR REPLACE TRIGGER actd_job_changed
AFTER UPDATE
ON job
FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state
	OR OLD.done IS DISTINCT FROM NEW.done
	OR OLD.total IS DISTINCT FROM NEW.total
	OR OLD.is_cancel_requested IS DISTINCT FROM NEW.is_cancel_requested)
EXECUTE FUNCTION actd_notify_job();

-- Files of rows that schemas have named and that were loaded
-- (db/import_claim.h).
CREATE TABLE IF NOT EXISTS actd_import (
	file text NOT NULL,
	entity text NOT NULL,
	digest text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (file, entity, digest)
);

-- When each task is due next, worked out for that schedule; '' and none where
-- that is still to be done; and whether somebody has looked at what was
-- written (db/task.h).
CREATE TABLE IF NOT EXISTS actd_task (
	task bigint PRIMARY KEY REFERENCES task (id) ON DELETE CASCADE,
	schedule text NOT NULL DEFAULT '',
	next_run timestamptz
);
ALTER TABLE actd_task ADD COLUMN IF NOT EXISTS
	is_checked boolean NOT NULL DEFAULT true;
INSERT INTO actd_task (task) SELECT id FROM task ON CONFLICT DO NOTHING;

CREATE OR REPLACE FUNCTION actd_task_changed() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.actd_task (task, is_checked) VALUES (NEW.id, false)
	ON CONFLICT (task) DO UPDATE SET schedule = '', next_run = NULL,
		is_checked = false;
	PERFORM pg_catalog.pg_notify('actd_job', '');
	RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER actd_task_created
AFTER INSERT
ON task
FOR EACH ROW EXECUTE FUNCTION actd_task_changed();

CREATE OR REPLACE TRIGGER actd_task_changed
AFTER UPDATE
ON task
FOR EACH ROW WHEN (OLD.schedule IS DISTINCT FROM NEW.schedule
	OR OLD.active IS DISTINCT FROM NEW.active)
EXECUTE FUNCTION actd_task_changed();

CREATE OR REPLACE FUNCTION actd_task_written() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
	UPDATE public.actd_task SET is_checked = false WHERE task = NEW.id;
	RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER actd_task_written
AFTER UPDATE
ON task
FOR EACH ROW WHEN (OLD.entity_name IS DISTINCT FROM NEW.entity_name
	OR OLD.action_name IS DISTINCT FROM NEW.action_name
	OR OLD.attributes IS DISTINCT FROM NEW.attributes)
EXECUTE FUNCTION actd_task_written();

-- A task does not go on as somebody else where its user is deleted.
CREATE OR REPLACE FUNCTION actd_stop_tasks() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
	UPDATE public.task SET active = false, version = version + 1
	WHERE as_user_id = OLD.id;
	RETURN OLD;
END
$$;

CREATE OR REPLACE TRIGGER actd_stop_tasks
BEFORE DELETE
ON user_account
FOR EACH ROW EXECUTE FUNCTION actd_stop_tasks();

-- The settings of /_config (db/setting.h), as Daptin keeps them. Not an
-- entity: no other door of the API leads here.
CREATE TABLE IF NOT EXISTS _config (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name varchar(100) NOT NULL,
	configtype varchar(100) NOT NULL,
	configstate varchar(100) NOT NULL DEFAULT 'enabled',
	configenv varchar(100) NOT NULL DEFAULT 'release',
	value text NOT NULL,
	valuetype varchar(100) NOT NULL DEFAULT 'text',
	previousvalue text,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz,
	UNIQUE (name, configtype, configstate, configenv)
);

CREATE OR REPLACE TRIGGER actd_model
AFTER INSERT OR UPDATE OR DELETE
ON _config
FOR EACH ROW EXECUTE FUNCTION actd_notify_model();

CREATE OR REPLACE TRIGGER actd_model
AFTER INSERT OR UPDATE OR DELETE
ON stream
FOR EACH ROW EXECUTE FUNCTION actd_notify_model();

CREATE OR REPLACE TRIGGER actd_model_truncate
AFTER TRUNCATE
ON stream
FOR EACH STATEMENT EXECUTE FUNCTION actd_notify_model();

-- What was removed or renamed on purpose, lest files of the schema folder
-- bring it back (db/schema_change.h).
CREATE TABLE IF NOT EXISTS actd_schema_change (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	kind text NOT NULL,
	entity text NOT NULL,
	column_name text,
	new_name text,
	created_at timestamptz NOT NULL DEFAULT now()
);

-- When what is done once a day was done last, by whichever node
-- (db/file_collect.h).
CREATE TABLE IF NOT EXISTS actd_housework (
	name text PRIMARY KEY,
	done_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO actd_housework (name) VALUES ('collect_files')
ON CONFLICT DO NOTHING;
