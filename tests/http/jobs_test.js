/*
 * jobs_test.js: actions in the background: answered at once, done once, as
 * their caller, watched, cancelled, and not lost when processes die.
 */
'use strict';

const assert = require('node:assert/strict');
const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const { after, before, test } = require('node:test');
const { ACTD, startInstance, startNode } = require('./lib/instance.js');
const { Client, expect, item, mine, refused, settle } = require('./lib/client.js');
const { sleep, until } = require('./lib/wait.js');

const SCHEMA = `
Tables:
  - TableName: crate
    Permission: 2097151
    Columns:
      - {ColumnName: label, ColumnType: label}
      - {ColumnName: code, ColumnType: label, IsUnique: true, IsNullable: true}
  - TableName: shelf
    IsAuditEnabled: true
    Columns:
      - {ColumnName: name, ColumnType: label}
Actions:
  - Name: pack
    OnType: crate
    InstanceOptional: true
    Permission: 2097151
    InFields:
      - {ColumnName: label, ColumnType: label}
      - {ColumnName: code, ColumnType: label}
      - {ColumnName: numbers, ColumnType: json}
    Validations:
      - {ColumnName: label, Tags: required}
    OutFields:
      - Type: crate
        Method: POST
        Reference: made
        Attributes: {label: "~label", code: "~code"}
      - Type: crate
        Method: POST
        ForEach: "~numbers"
        SkipInResponse: true
        Attributes: {label: "~label"}
      - Type: client.notify
        Method: ACTIONRESPONSE
        Attributes: {type: success, title: packed, message: "by $user.email"}
  - Name: stack_up
    OnType: crate
    InstanceOptional: true
    Permission: 2097151
    InFields:
      - {ColumnName: label, ColumnType: label}
      - {ColumnName: codes, ColumnType: json}
    OutFields:
      - Type: crate
        Method: POST
        ForEach: "~codes"
        SkipInResponse: true
        Attributes: {label: "~label", code: "~item"}
  - Name: close_up
    OnType: crate
    InstanceOptional: true
    OutFields:
      - Type: client.notify
        Method: ACTIONRESPONSE
        Attributes: {type: success, title: closed, message: x}
`;

const ASYNC = { prefer: 'respond-async' };

let instance;
let root;
let alice;
let bob;
let guest;

before(async () => {
	instance = await startInstance();
	({ root, alice, bob, guest } = await settle(instance));
	await root.load('schema_crate.yaml', SCHEMA);
});

after(() => instance?.stop());

const numbers = (count) => Array.from({ length: count }, (_, i) => i);

function pack(client, attributes, headers = {}) {
	return client.request('POST', '/action/crate/pack', {
		body: { attributes },
		type: 'application/json',
		headers: { ...ASYNC, ...headers },
	});
}

/* Queues a run that must be accepted; the id of its job. */
async function queued(client, attributes, headers) {
	const answer = expect(await pack(client, attributes, headers), 202);
	assert.equal(answer.headers.get('preference-applied'), 'respond-async');
	assert.equal(item(answer, 'client.notify').type, 'success');
	const [, id] = /^\/api\/job\/([0-9a-f-]{36})$/
		.exec(answer.headers.get('location')) ?? [];
	assert.ok(id, `Location: ${answer.headers.get('location')}`);
	return id;
}

async function jobOf(client, id) {
	return expect(await client.get(`/api/job/${id}`), 200).json.data.attributes;
}

/* The job, once its state is one of those. */
const reached = (client, id, states, limit) => until(`${id}: ${states}`, async () => {
	const job = await jobOf(client, id);
	return states.includes(job.state) && job;
}, { limit });

const over = (client, id, milliseconds) =>
	reached(client, id, ['succeeded', 'failed', 'cancelled'], milliseconds);

function crates(label) {
	return Number(instance.psql(
		`SELECT count(*) FROM crate WHERE label = '${label}'`));
}

test('a run in the background is answered at once and done as its caller', async () => {
	const id = await queued(alice, { label: 'first' });
	const job = await over(alice, id);
	assert.equal(job.state, 'succeeded', job.error);
	assert.equal(job.action_name, 'pack');
	assert.equal(job.entity_name, 'crate');
	assert.equal(job.attempts, 1);
	const result = typeof job.result === 'string' ? JSON.parse(job.result)
		: job.result;
	assert.ok(result.some(({ Attributes }) =>
		Attributes.message === 'by alice@example.com'), JSON.stringify(result));
	assert.equal(crates('first'), 1);
	assert.equal(instance.psql(`SELECT u.email FROM crate c JOIN user_account u
		ON u.id = c.user_account_id WHERE label = 'first'`), 'alice@example.com');
	assert.equal(instance.psql('SELECT count(*) FROM actd_job_input'), '0');
});

test('what a run would refuse is refused at once', async () => {
	refused(await pack(alice, {}), 400);
	refused(await alice.request('POST', '/action/crate/close_up', {
		body: { attributes: {} }, type: 'application/json', headers: ASYNC,
	}), 403);
	assert.equal(instance.psql("SELECT count(*) FROM job WHERE state = 'failed'"),
		'0');
});

test('a guest, who could not see the job, waits', async () => {
	const answer = expect(await pack(guest, { label: 'of a guest' }), 200, 403);
	assert.equal(answer.headers.get('location'), null);
});

test('a failed run leaves nothing but its error', async () => {
	const first = await over(alice, await queued(alice,
		{ label: 'kept', code: 'one' }));
	assert.equal(first.state, 'succeeded', first.error);
	const job = await over(alice, await queued(alice,
		{ label: 'not kept', code: 'one' }));
	assert.equal(job.state, 'failed');
	assert.equal(job.attempts, 1);
	assert.ok(job.error, 'it says why');
	assert.doesNotMatch(job.error, /violates|SQL|duplicate key/);
	assert.equal(crates('not kept'), 0);
});

test('a job is its owner\'s and no other user\'s', async () => {
	const id = await queued(alice, { label: 'private' });
	await over(alice, id);
	refused(await bob.get(`/api/job/${id}`), 404);
	refused(await bob.get(`/job/${id}/events`), 404);
	refused(await guest.get(`/job/${id}/events`), 404);
	refused(await bob.action('job', 'cancel_job', { job_id: id }), 404);
	expect(await root.get(`/api/job/${id}`), 200);
	refused(await new Client(instance, `${alice.token}x`)
		.get(`/job/${id}/events`), 401);
	refused(await alice.get('/job/nonsense/events'), 404);
	refused(await alice.post(`/job/${id}/events`, {}), 405);
	refused(await alice.update('job', id, { state: 'queued' }), 403, 405);
	const list = expect(await bob.get('/api/job'), 200).json.data;
	assert.ok(!list.some((job) => job.id === id));
});

test('what came of a job is its owner\'s, and nowhere in plain text', async () => {
	const id = await queued(alice, { label: 'a marker of results' });
	await over(alice, id);
	for (const client of [alice, root]) {
		const { result } = await jobOf(client, id);
		assert.ok(JSON.parse(result).some(({ Attributes }) =>
			Attributes.message === 'by alice@example.com'), result);
	}
	const stored = instance.psql(`SELECT result FROM job WHERE reference_id = '${id}'`);
	assert.match(stored, /^g1:/);
	const list = expect(await alice.get('/api/job?page[size]=100'), 200).json.data;
	assert.equal(list.find((job) => job.id === id).attributes.result, '');
	refused(await alice.get(`/api/job?query=${encodeURIComponent(JSON.stringify(
		[{ column: 'result', operator: 'contains', value: 'by' }]))}`), 400);
	instance.psql('INSERT INTO job_job_id_has_usergroup_usergroup_id ' +
		'(reference_id, permission, job_id, usergroup_id) SELECT gen_random_uuid(), ' +
		`2097151, j.id, g.id FROM job j, usergroup g WHERE j.reference_id = '${id}' ` +
		"AND g.name = 'users'");
	assert.equal((await jobOf(bob, id)).result, '', 'shared is the job only');
});

test('a key makes one job of two requests, and one run of two', async () => {
	const key = { 'idempotency-key': 'jobs-1' };
	const id = await queued(alice, { label: 'once' }, key);
	assert.equal(await queued(alice, { label: 'once' }, key), id);
	await over(alice, id);
	const again = { 'idempotency-key': 'jobs-2', prefer: 'wait=10' };
	const one = expect(await pack(alice, { label: 'now' }, again), 200);
	const two = expect(await pack(alice, { label: 'now' }, again), 200);
	assert.equal(one.text, two.text);
	assert.doesNotMatch(instance.psql('SELECT body FROM actd_idempotency'), /packed/);
	assert.equal(crates('once'), 1);
	assert.equal(crates('now'), 1);
	refused(await pack(alice, { label: 'other' }, again), 422);
});

/* Keeps what a statement locks until the returned function is called. */
async function hold(sql) {
	const psql = spawn('psql', [...instance.databaseArguments(), '-XAtq'],
		{ env: instance.environment, stdio: ['pipe', 'pipe', 'inherit'] });
	const ready = new Promise((resolve) => psql.stdout.once('data', resolve));
	psql.stdin.write(`BEGIN; ${sql}; SELECT 1;\n`);
	await ready;
	return () => new Promise((resolve) => {
		psql.once('exit', resolve);
		psql.stdin.end('ROLLBACK;\n');
	});
}

const lockCrates = () => hold('LOCK TABLE crate');

test('two jobs run at once, a third waits', async () => {
	const release = await lockCrates();
	const ids = [];
	for (let i = 0; i < 3; i++)
		ids.push(await queued(alice, { label: `beside ${i}` }));
	await reached(alice, ids[0], ['running']);
	await reached(alice, ids[1], ['running']);
	assert.equal((await jobOf(alice, ids[2])).state, 'queued');
	await release();
	for (const id of ids)
		assert.equal((await over(alice, id)).state, 'succeeded');
});

test('a cancelled job ends within two seconds and leaves nothing', async () => {
	const release = await lockCrates();
	const running = [await queued(alice, { label: 'cancelled' }),
		await queued(alice, { label: 'cancelled' })];
	const waiting = await queued(alice, { label: 'cancelled' });
	for (const id of running)
		await reached(alice, id, ['running']);
	expect(await alice.action('job', 'cancel_job', { job_id: waiting }), 200);
	assert.equal((await jobOf(alice, waiting)).state, 'cancelled');
	for (const id of running) {
		const began = Date.now();
		expect(await alice.action('job', 'cancel_job', { job_id: id }), 200);
		assert.equal((await over(alice, id)).state, 'cancelled');
		assert.ok(Date.now() - began < 2000, `${Date.now() - began} ms`);
	}
	await release();
	refused(await alice.action('job', 'cancel_job', { job_id: waiting }), 409);
	const next = await over(alice, await queued(alice, { label: 'afterwards' }));
	assert.equal(next.state, 'succeeded', next.error);
	assert.equal(crates('cancelled'), 0);
	assert.equal(instance.psql('SELECT count(*) FROM actd_job_input'), '0');
});

/* What curl reads of a job's events, until they end. */
function watch(client, id, ...more) {
	return new Promise((resolve, reject) => {
		const curl = spawn('curl', ['-sSN', '-i', '--max-time', '30', '-H',
			`Authorization: Bearer ${client.token}`, ...more,
			`${instance.url}/job/${id}/events`]);
		let text = '';
		curl.stdout.on('data', (chunk) => { text += chunk; });
		curl.on('error', reject);
		curl.on('close', () => {
			const [head, ...blocks] = text.split(/\r?\n\r?\n/);
			const events = blocks.filter((block) => block.includes('data: '))
				.map((block) => ({
					event: /^event: (.*)$/m.exec(block)[1],
					version: /^id: (.*)$/m.exec(block)[1],
					data: JSON.parse(/^data: (.*)$/m.exec(block)[1]),
				}));
			resolve({ head, events });
		});
	});
}

test('events tell a job\'s states and progress until its end', async () => {
	const codes = numbers(1000).map((i) => `watched ${i}`);
	const release = await hold("INSERT INTO crate (label, code) " +
		"VALUES ('x', 'watched 500')");
	const answer = expect(await alice.request('POST', '/action/crate/stack_up', {
		body: { attributes: { label: 'watched', codes } },
		type: 'application/json', headers: ASYNC,
	}), 202);
	const id = answer.headers.get('location').slice('/api/job/'.length);
	setTimeout(release, 1000);
	const { head, events } = await watch(alice, id);
	assert.match(head, /^HTTP\/1.1 200/);
	assert.match(head, /^content-type: text\/event-stream/im);
	assert.match(head, /^cache-control: no-store/im);
	assert.match(head, /^access-control-allow-origin: \*/im);
	const last = events.at(-1);
	assert.equal(last.data.state, 'succeeded', JSON.stringify(events));
	assert.equal(last.data.id, id);
	assert.equal(last.data.done, 1000);
	assert.equal(last.data.total, 1000);
	assert.equal(last.data.unit, 'items');
	assert.ok(events.some(({ event }) => event === 'progress'),
		JSON.stringify(events));
	const steps = events.map(({ data }) => data.done);
	assert.deepEqual(steps, [...steps].sort((a, b) => a - b));
	const after = await watch(alice, id);
	assert.deepEqual(after.events.map(({ data }) => data.state), ['succeeded']);
	const seen = await watch(alice, id, '-H', `Last-Event-ID: ${last.version}`);
	assert.match(seen.head, /^HTTP\/1.1 204/);
	assert.equal(crates('watched'), 1000);
});

test('many watch and the workers stay free', async () => {
	const release = await lockCrates();
	const id = await queued(alice, { label: 'seen by many' });
	await reached(alice, id, ['running']);
	const all = Array.from({ length: 30 }, () => watch(alice, id));
	await sleep(500);
	expect(await alice.get('/api/user_account/mine'), 200);
	await release();
	for (const { events } of await Promise.all(all))
		assert.equal(events.at(-1)?.data.state, 'succeeded');
});

function kill(role) {
	for (const pid of instance.processes(role)) {
		try {
			process.kill(pid, 'SIGKILL');
		} catch (error) {
			assert.equal(error.code, 'ESRCH');
		}
	}
}

test('jobs are done once whatever process is killed', async (t) => {
	const ids = new Map();
	const roles = ['job', 'runner', 'job', 'runner', 'events', 'job'];
	for (const [round, role] of roles.entries()) {
		for (let i = 0; i < 6; i++) {
			const label = `round ${round} ${i}`;
			ids.set(label, await queued(alice,
				{ label, numbers: numbers(40) }));
		}
		await sleep(Math.random() * 150);
		kill(role);
	}
	const states = {};
	for (const [label, id] of ids) {
		const { state } = await over(alice, id, 60000);
		states[state] = (states[state] ?? 0) + 1;
		assert.equal(crates(label), state === 'succeeded' ? 41 : 0, label);
	}
	t.diagnostic(JSON.stringify(states));
	assert.equal(states.succeeded, ids.size);
});

/* What was killed needs a moment to be gone. */
const started = () => until('a start', () => {
	try {
		return instance.start();
	} catch {
		return null;
	}
}, { every: 500 });

test('jobs outlive the master and PostgreSQL', async () => {
	const ids = new Map();
	for (let i = 0; i < 8; i++) {
		const label = `outlives ${i}`;
		ids.set(label, await queued(alice, { label, numbers: numbers(100) }));
	}
	kill('master');
	kill('runner');
	const [postmaster] = fs
		.readFileSync(`${instance.folder}/postgresql/postmaster.pid`, 'utf8')
		.split('\n');
	process.kill(Number(postmaster), 'SIGKILL');
	await started();
	for (const [label, id] of ids) {
		assert.equal((await over(alice, id, 60000)).state, 'succeeded');
		assert.equal(crates(label), 101, label);
	}
});

/* Until no job waits or runs. */
const drained = () => until('no jobs', () => instance.psql(
	`SELECT count(*) FROM job WHERE state IN ('queued', 'running')`) === '0');

async function task(attributes) {
	const { id } = await mine(bob);
	return root.made('task', { name: 'packs', entity_name: 'crate',
		action_name: 'pack', job_type: 'action', active: true, ...attributes,
		as_user_id: id });
}

test('a task runs as its user, by its schedule, and as the row changes', async () => {
	const row = await task({ schedule: '* * * * * *',
		attributes: JSON.stringify({ label: 'by the clock' }) });
	const began = Date.now();
	await until('three runs', () => crates('by the clock') >= 3);
	expect(await root.update('task', row.id, { active: false }), 200);
	await drained();
	const runs = crates('by the clock');
	const seconds = (Date.now() - began) / 1000;
	assert.ok(runs <= seconds + 2, `${runs} runs in ${seconds} s`);
	assert.equal(instance.psql(`SELECT DISTINCT u.email FROM crate c
		JOIN user_account u ON u.id = c.user_account_id
		WHERE label = 'by the clock'`), 'bob@example.com');
	await sleep(1500);
	assert.equal(crates('by the clock'), runs, 'it has ended');
	expect(await root.update('task', row.id,
		{ active: true, schedule: 'CRON_TZ=Europe/Berlin 0 5 1 1 *' }), 200);
	await until('New Year\'s morning', () => instance.psql(`SELECT to_char(
		next_run AT TIME ZONE 'Europe/Berlin', 'MM-DD HH24:MI')
		FROM actd_task`) === '01-01 05:00');
	assert.equal(crates('by the clock'), runs);
});

test('a missed task runs once, on one of all runners', async () => {
	const row = await task({ name: 'missed', schedule: '@every 1h',
		attributes: JSON.stringify({ label: 'missed' }) });
	const ofTask = `WHERE task = (SELECT id FROM task
		WHERE reference_id = '${row.id}')`;
	await until('the first time is known', () => instance.psql(
		`SELECT next_run FROM actd_task ${ofTask}`));
	assert.equal(crates('missed'), 0);
	instance.psql(`UPDATE actd_task SET next_run = now() - interval '5 hours' ${ofTask}`);
	await until('a run', () => crates('missed') > 0);
	await sleep(1500); /* for one too many */
	assert.equal(crates('missed'), 1);
	refused(await root.update('task', row.id, { schedule: 'nonsense' }), 422);
	instance.psql(`UPDATE task SET schedule = 'nonsense'
		WHERE reference_id = '${row.id}'`);
	await until('a word in the log',
		() => /event=task-refused task=missed/.test(instance.log()));
});

test('what is over its time is forgotten, the rest is kept', async () => {
	const ids = [];
	for (const label of ['over', 'kept'])
		ids.push(await queued(alice, { label }, { 'idempotency-key': label }));
	for (const id of ids)
		await over(alice, id);
	const shelf = await root.made('shelf', { name: 'one' });
	for (const name of ['two', 'three'])
		expect(await root.update('shelf', shelf.id, { name }), 200);
	const count = (sql) => Number(instance.psql(`SELECT count(*) FROM ${sql}`));
	instance.psql('UPDATE job SET finished_at = now() - interval \'30 days 1 minute\' ' +
		`WHERE reference_id = '${ids[0]}'`);
	instance.psql('UPDATE actd_idempotency SET created_at = now() - ' +
		"interval '24 hours 1 minute' WHERE key = 'over'");
	const runs = count('action_run');
	instance.psql('UPDATE action_run SET created_at = now() - ' +
		"interval '8 days' WHERE id = (SELECT min(id) FROM action_run)");
	instance.psql('UPDATE shelf_audit SET created_at = now() - ' +
		"interval '10 days' WHERE id = (SELECT min(id) FROM shelf_audit)");
	const history = count('shelf_audit');
	assert.ok(runs > 1 && history > 1, `${runs} runs, ${history} of history`);
	instance.command('stop');
	Object.assign(instance.environment,
		{ ACTD_RUN_DAYS: '7', ACTD_HISTORY_DAYS: '9' });
	instance.start();
	await until('the job to be forgotten',
		() => count(`job WHERE reference_id = '${ids[0]}'`) === 0);
	await sleep(200);
	assert.equal(count(`job WHERE reference_id = '${ids[1]}'`), 1);
	assert.deepEqual(instance.psql("SELECT key FROM actd_idempotency WHERE key IN " +
		"('over', 'kept')"), 'kept');
	assert.equal(count('action_run'), runs - 1);
	assert.equal(count('shelf_audit'), history - 1);
	assert.equal(count('actd_journal WHERE run NOT IN ' +
		'(SELECT reference_id FROM action_run)'), 0);
});

test('two nodes share jobs, events and tasks', async () => {
	const node = await startNode(instance);
	try {
		const there = new Client(node, alice.token);
		const release = await lockCrates();
		const ids = [];
		for (let i = 0; i < 4; i++)
			ids.push(await queued(alice, { label: `shared ${i}` }));
		for (const id of ids)
			await reached(there, id, ['running']);
		const watching = ids.map((id) => watch(there, id));
		await sleep(300);
		await release();
		for (const { events } of await Promise.all(watching))
			assert.equal(events.at(-1)?.data.state, 'succeeded');
		const row = await task({ name: 'shared', schedule: '* * * * * *',
			attributes: JSON.stringify({ label: 'shared task' }) });
		await until('three runs', () => crates('shared task') >= 3);
		expect(await root.update('task', row.id, { active: false }), 200);
		await drained();
		const twice = instance.psql(`SELECT count(*) - count(DISTINCT
			date_trunc('second', run_after)) FROM job
			WHERE user_account_id = (SELECT id FROM user_account
				WHERE email = 'bob@example.com') AND created_at > (SELECT
				created_at FROM task WHERE reference_id = '${row.id}')`);
		assert.equal(twice, '0', 'jobs of one second');
	} finally {
		node.stop();
	}
});

const commandEnvironment = () => ({
	...instance.environment,
	ACTD_DATABASE: `host='${instance.folder}/run' user=actd dbname=actd`,
	ACTD_KEYS_FILE: `${instance.folder}/keys`,
});

/* A work of some seconds: rows whose statements a trigger holds up. */
async function slowly(work) {
	instance.psql('CREATE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql AS ' +
		"'BEGIN PERFORM pg_sleep(0.02); RETURN NEW; END'");
	instance.psql('CREATE TRIGGER pause BEFORE INSERT ON crate FOR EACH ROW ' +
		'EXECUTE FUNCTION pause()');
	try {
		return await work();
	} finally {
		instance.psql('DROP FUNCTION pause CASCADE');
	}
}

const stackUp = (label, count) => ['action', 'crate', 'stack_up', `label=${label}`,
	`codes:=${JSON.stringify(numbers(count).map((i) => `${label} ${i}`))}`];

test('the command line shows a bar on a terminal, and lines elsewhere', async () => {
	await slowly(() => {
		const line = [ACTD, ...stackUp('bar', 100)].map((word) => `'${word}'`).join(' ');
		const terminal = spawnSync('script', ['-qec', line, '/dev/null'],
			{ encoding: 'utf8', env: commandEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] });
		assert.equal(terminal.status, 0, terminal.stdout);
		const bars = terminal.stdout.split('\r\x1b[K').slice(1);
		assert.ok(bars.length >= 5, terminal.stdout);
		assert.match(bars[1], /^\[#* *\] \d+ of 100 items, \d+\/s, \d+ s left/);
		const full = bars.map((bar) => (bar.match(/#/g) ?? []).length);
		assert.deepEqual(full.slice(0, -1), [...full.slice(0, -1)].sort((a, b) => a - b));
		const plain = spawnSync(ACTD, stackUp('plain', 320),
			{ encoding: 'utf8', env: commandEnvironment() });
		assert.equal(plain.status, 0, plain.stderr);
		assert.doesNotMatch(plain.stderr, /[\r\x1b#]/);
		assert.match(plain.stderr, /^\d+ of 320 items, \d+\/s, \d+ s left$/m);
		assert.equal(crates('plain'), 320);
	});
});

test('the command line runs actions by the same code', async () => {
	const run = (...words) => spawnSync(ACTD, ['action', ...words],
		{ encoding: 'utf8', env: commandEnvironment() });
	const made = run('crate', 'pack', 'label=by hand', '--as',
		'bob@example.com');
	assert.equal(made.status, 0, made.stderr);
	assert.match(made.stdout, /^packed: by bob@example.com$/m);
	assert.equal(crates('by hand'), 1);
	const dry = run('crate', 'pack', 'label=dry', 'numbers:=[1,2]', '--dry-run');
	assert.equal(dry.status, 0, dry.stderr);
	assert.match(dry.stdout, /^client.dry_run \{.*"changes"/m);
	assert.equal(crates('dry'), 0);
	assert.notEqual(run('crate', 'pack').status, 0);
	assert.match(run('crate', 'nothing').stderr, /no action nothing on crate/);
	assert.equal(run('crate').status, 64);
	assert.equal(run('crate', 'pack', 'label').status, 64);
	assert.equal(run('crate', 'pack', 'label=x', '--as', 'nobody@x').status, 65);
});
