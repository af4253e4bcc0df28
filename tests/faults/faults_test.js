/*
 * faults_test.js: an instance under load while its parts are killed, changed
 * and taken away.
 */
'use strict';

const assert = require('node:assert/strict');
const { execFileSync, spawn, spawnSync } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, test } = require('node:test');
const { ACTD, startInstance } = require('../http/lib/instance.js');
const { Client, expect, schemaFile, settle } = require('../http/lib/client.js');
const { Ledger } = require('./load.js');
const { sleep } = require('../http/lib/wait.js');

const SECONDS = Number(process.env.FAULT_SECONDS || 20);
const ROUNDS = Number(process.env.FAULT_ROUNDS || 20);

let instance;
let root;
let alice;
let tags;

before(async () => {
	instance = await startInstance();
	({ root, alice } = await settle(instance));
	await root.load('schema_shop.yaml', schemaFile('schema_shop.yaml'));
	tags = [];
	for (const word of ['one', 'two']) {
		const { id } = await alice.made('tag', { word });
		tags.push({ type: 'tag', id });
	}
});

after(() => instance?.stop());

const load = () => new Ledger(alice, instance, tags).start();

/* Asks until it is answered with 200; the milliseconds it took. */
async function recovered(limit) {
	const began = Date.now();
	while (Date.now() - began < limit) {
		const answer = await new Client(instance, alice.token)
			.get('/api/thing?page[size]=1').catch(() => ({ status: 0 }));
		if (answer.status === 200)
			return Date.now() - began;
		await sleep(50);
	}
	return assert.fail(`not recovered after ${limit} ms`);
}

/* Runs pg_ctl as the owner of the private PostgreSQL. */
function postgres(...words) {
	const data = path.join(instance.folder, 'postgresql');
	const version = fs.readFileSync(path.join(data, 'PG_VERSION'), 'utf8').trim();
	const { uid, gid } = fs.statSync(data);
	execFileSync(`/usr/lib/postgresql/${version}/bin/pg_ctl`, ['-D', data, '-w',
		'-l', path.join(instance.folder, 'log/postgresql.log'), ...words],
	{ cwd: '/', uid, gid, stdio: 'ignore' });
}

test('workers killed every 200 ms lose only what they held', async (t) => {
	const ledger = await load();
	const end = Date.now() + SECONDS * 1000;
	let killed = 0;
	while (Date.now() < end) {
		const workers = instance.processes('quick worker');
		if (workers.length) {
			const victim = workers[Math.floor(Math.random() * workers.length)];
			try {
				process.kill(victim, 'SIGKILL');
				killed++;
			} catch (error) {
				assert.equal(error.code, 'ESRCH');
			}
		}
		await sleep(200);
	}
	await ledger.stop();
	t.diagnostic(ledger.figures());
	assert.ok(killed > SECONDS * 3, `${killed} were killed`);
	ledger.balance();
	const reads = ledger.failed.filter(({ what }) => what !== 'create');
	assert.equal(reads.length, 0, `reads failed: ${ledger.summary()}`);
	const writes = ledger.failed.length;
	assert.ok(writes <= killed, `${writes} writes failed for ${killed} workers: ` +
		ledger.summary());
	await recovered(5000);
	assert.ok(instance.processes('quick worker').length >= 2, 'they were replaced');
});

test('schema uploads under load fail no request', async (t) => {
	const ledger = await load();
	for (let round = 0; round < ROUNDS; round++) {
		await root.load(`schema_wave_${round}.yaml`, `
Tables:
  - TableName: wave_${round}
    Columns:
      - {ColumnName: title, ColumnType: label}
  - TableName: thing
    Columns:
      - {ColumnName: wave_${round}, ColumnType: label, IsNullable: true}
`);
		expect(await root.get(`/api/wave_${round}`), 200);
	}
	await ledger.stop();
	t.diagnostic(ledger.figures());
	assert.equal(ledger.failed.length, 0, ledger.summary());
	ledger.balance();
});

test('restarts under load fail no request', async (t) => {
	const ledger = await load();
	for (let round = 0; round < ROUNDS; round++)
		expect(await root.action('world', 'restart_daptin'), 200);
	await ledger.stop();
	t.diagnostic(ledger.figures());
	assert.equal(ledger.failed.length, 0, ledger.summary());
	ledger.balance();
});

test('a reload of the pools under load fails no request', async (t) => {
	const [master] = instance.processes('master');
	const ledger = await load();
	for (let round = 0; round < 3; round++) {
		const earlier = instance.processes('quick worker');
		process.kill(master, 'SIGHUP');
		for (let i = 0; i < 200; i++) {
			const now = instance.processes('quick worker');
			if (now.length >= earlier.length &&
				!now.some((pid) => earlier.includes(pid)))
				break;
			await sleep(50);
		}
		assert.ok(!instance.processes('quick worker')
			.some((pid) => earlier.includes(pid)), 'each worker was replaced');
	}
	await ledger.stop();
	t.diagnostic(ledger.figures());
	assert.equal(ledger.failed.length, 0, ledger.summary());
	assert.deepEqual(instance.processes('master'), [master]);
	ledger.balance();
});

test('lost database connections cost a write its answer, and no more', async (t) => {
	const ledger = await load();
	const end = Date.now() + SECONDS * 250;
	while (Date.now() < end) {
		instance.psql('SELECT pg_terminate_backend(pid) FROM pg_stat_activity ' +
			'WHERE datname = current_database() AND pid <> pg_backend_pid()');
		await sleep(300);
	}
	await ledger.stop();
	t.diagnostic(ledger.figures());
	for (const { status, text } of ledger.failed)
		assert.ok([503, 504].includes(status), `${status} ${text}`);
	ledger.balance();
});

test('without PostgreSQL it is 503 with Retry-After, and then recovers', async (t) => {
	const ledger = await load();
	await sleep(500);
	postgres('-m', 'fast', 'stop');
	await sleep(1500);
	const away = await new Client(instance, alice.token).get('/api/thing');
	assert.equal(away.status, 503, away.text);
	assert.ok(Number(away.headers.get('retry-after')) > 0, 'Retry-After');
	assert.equal(away.json.errors[0].status, '503');
	assert.doesNotMatch(away.text, /socket|libpq|\/tmp|PGSQL/);
	const action = await new Client(instance).action('user_account', 'signin',
		{ email: 'alice@example.com', password: 'correct horse' });
	assert.equal(action.status, 503, action.text);
	assert.ok(Array.isArray(action.json), action.text);
	expect(await new Client(instance).get('/health'), 200);
	assert.equal((await new Client(instance).get('/ready')).status, 503);
	postgres('start');
	const took = await recovered(10000);
	assert.ok(took < 5000, `recovered after ${took} ms`);
	await sleep(500);
	await ledger.stop();
	t.diagnostic(ledger.figures());
	for (const { status, text, retryAfter } of ledger.failed) {
		assert.ok([503, 504].includes(status), `${status} ${text}`);
		assert.ok(status === 504 || Number(retryAfter) > 0, 'Retry-After');
	}
	ledger.balance();
	expect(await new Client(instance).get('/ready'), 200);
});

test('a crash of PostgreSQL loses nothing that was acknowledged', async (t) => {
	const ledger = await load();
	await sleep(1000);
	postgres('-m', 'immediate', 'stop');
	await sleep(500);
	postgres('start');
	await recovered(10000);
	await ledger.stop();
	t.diagnostic(ledger.figures());
	for (const { status, text } of ledger.failed)
		assert.ok([503, 504].includes(status), `${status} ${text}`);
	ledger.balance();
});

test('an instance that is stopped under load starts with all it said', async (t) => {
	const ledger = await load();
	await sleep(1000);
	const stopping = spawn(ACTD, ['instance', 'stop'],
		{ env: instance.environment, stdio: 'ignore' });
	const [status] = await once(stopping, 'exit');
	assert.equal(status, 0);
	await ledger.stop();
	t.diagnostic(ledger.figures());
	const left = spawnSync('pgrep', ['-f', path.basename(instance.folder)],
		{ encoding: 'utf8' }).stdout.trim();
	assert.equal(left, '', 'nothing runs on');
	instance.command('start');
	await recovered(10000);
	ledger.balance();
});
