/*
 * metrics_test.js: /metrics is Prometheus' text format and its figures are
 * right; what monitors may ask tells a guest nothing of our insides (L02).
 */
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const { after, before, test } = require('node:test');
const { startInstance } = require('./lib/instance.js');
const { expect, schemaFile, settle } = require('./lib/client.js');
const { metrics, parseMetrics } = require('./lib/metrics.js');
const { FASTCGI, begin, exchange, pairs, record, standardOutput, variablesOf } =
	require('./lib/raw.js');
const { until } = require('./lib/wait.js');

let instance;
let root;
let alice;
let guest;

before(async () => {
	instance = await startInstance();
	({ root, alice, guest } = await settle(instance));
	await root.load('schema_shop.yaml', schemaFile('schema_shop.yaml'));
});

after(() => instance?.stop());

const HEAD = '# HELP a_total Help.\n# TYPE a_total counter\n';

test('the reader of the format refuses what is none', () => {
	assert.deepEqual(parseMetrics(`${HEAD}a_total{b="c\\"d",e=""} 1.5\n`),
		{ 'a_total{b="c\\"d",e=""}': 1.5 });
	for (const text of ['', `${HEAD}a_total 1`, `${HEAD}a_total\n`, HEAD,
		`${HEAD}a_total one\n`, `${HEAD}a_total 1\na_total 2\n`,
		`${HEAD}b_total 1\n`, `${HEAD}a_total{b='c'} 1\n`, `${HEAD}a_total -1\n`,
		`${HEAD}${HEAD}a_total 1\n`, `${HEAD}a-total 1\n`, `${HEAD}\na_total 1\n`,
		HEAD.replaceAll('_total', '').concat('a 1\n'),
		HEAD.replaceAll('a_', 'a_milliseconds_').concat('a_milliseconds_total 1\n'),
		'a_total 1\n', '# TYPE a_total counter\na_total 1\n'])
		assert.throws(() => parseMetrics(text), assert.AssertionError, text);
});

test('/metrics are Prometheus\' text format', async () => {
	const answer = expect(await guest.get('/metrics'), 200);
	assert.equal(answer.headers.get('content-type'),
		'text/plain; version=0.0.4; charset=utf-8');
	const figures = parseMetrics(answer.text);
	for (const name of ['actd_requests_total', 'actd_request_seconds_total',
		'actd_workers', 'actd_database_up', 'actd_model_generation'])
		assert.ok(name in figures, name);
});

let asked = 0; /* for metrics, by settled() */

/*
 * The figures once every worker has counted: one counts when it has sent, and
 * the client is faster. Then one asking is all that lies between two.
 */
async function settled() {
	let earlier = {};
	return until('workers that have counted', async () => {
		const now = await metrics(instance);
		const risen = now.actd_requests_total - earlier.actd_requests_total;
		asked++;
		earlier = now;
		return risen === 1 && now;
	}, { every: 100 });
}

test('the counters count what was asked', async () => {
	const earlier = await settled();
	const askedEarlier = asked;
	const wanted = { 200: 7, 404: 5, 304: 3 };
	const { id } = await alice.made('thing', { title: 'counted' });
	const tag = (await alice.get(`/api/thing/${id}`)).headers.get('etag');
	for (let i = 0; i < wanted[200]; i++)
		expect(await guest.get('/ping'), 200);
	for (let i = 0; i < wanted[404]; i++)
		expect(await guest.get('/api/nothing'), 404);
	for (let i = 0; i < wanted[304]; i++)
		expect(await alice.get(`/api/thing/${id}`,
			{ headers: { 'if-none-match': tag } }), 304);
	const now = await settled();
	const risen = (name) => now[name] - earlier[name];
	const besides = asked - askedEarlier + 2; /* the create and the get */
	assert.equal(risen('actd_responses_2xx_total'), wanted[200] + besides);
	assert.equal(risen('actd_responses_3xx_total'), wanted[304]);
	assert.equal(risen('actd_responses_4xx_total'), wanted[404]);
	assert.equal(risen('actd_responses_5xx_total'), 0);
	assert.equal(risen('actd_requests_total'), 15 + besides);
	assert.ok(risen('actd_request_seconds_total') > 0);
	assert.ok(risen('actd_request_seconds_total') < 15);
	assert.ok(risen('actd_response_bytes_total') > 15 * 50);
	assert.equal(now.actd_workers_busy, 1, 'the one that answers');
	const workers = ['quick', 'hash', 'long'].reduce((sum, pool) =>
		sum + instance.processes(`${pool} worker`).length, 0);
	assert.ok(now.actd_workers >= workers, `${now.actd_workers} of ${workers}`);
	assert.equal(now.actd_worker_crashes_total, 0);
	assert.equal(now.actd_database_up, 1);
});

test('/statistics counts answers by their status', async () => {
	const of = async (client) => expect(await client.get('/statistics'), 200).json;
	await settled();
	const before = await of(guest);
	for (let i = 0; i < 3; i++)
		expect(await guest.get('/api/nothing'), 404);
	await settled();
	const now = await of(guest);
	assert.equal(now.total_status_code_count[404] - before.total_status_code_count[404], 3);
	assert.ok(!(299 in now.total_status_code_count));
	const figures = await settled();
	const sum = (counts, first) => Object.entries(counts)
		.filter(([status]) => status[0] === first)
		.reduce((total, [, count]) => total + count, 0);
	assert.equal(sum(now.total_status_code_count, '4'), figures.actd_responses_4xx_total);
	assert.ok(Math.abs(now.average_response_size * now.total_count -
		now.total_response_size) <= now.total_count);
	assert.ok(now.uptime_sec > 0 && Math.abs(now.unixtime - Date.now() / 1000) < 5);
	assert.equal(Date.parse(now.time) / 1000, now.unixtime);
});

test('/statistics tells of processes to administrators alone', async () => {
	const { pid, load, processes } = expect(await root.get('/statistics'), 200).json;
	assert.deepEqual([pid], instance.processes('master'));
	assert.equal(processes[0].pid, pid);
	const pids = processes.map((one) => one.pid);
	for (const worker of instance.processes('quick worker'))
		assert.ok(pids.includes(worker), `${worker} of ${pids}`);
	for (const { resident_memory: resident, private_memory: own } of processes)
		assert.ok(own > 0 && own < resident && resident % 4096 === 0);
	assert.ok(load.load1 >= 0 && load.load5 >= 0 && load.load15 >= 0);
	const bad = await guest.get('/statistics', { headers: { authorization: 'Bearer x.y.z' } });
	for (const answer of [await alice.get('/statistics'), await guest.get('/statistics'), bad]) {
		const names = Object.keys(expect(answer, 200).json);
		for (const name of ['pid', 'load', 'processes'])
			assert.ok(!names.includes(name), name);
	}
});

test('L02: monitors\' doors tell a guest nothing of our insides', async () => {
	const rows = instance.psql('SELECT count(*) FROM world');
	const insides = new RegExp([/\/(tmp|usr|var|etc|home|root|run)\b/,
		/\bdbname=|\bhost=|postgres|nginx|libfcgi|json-c|openssl|linux/,
		/\b\d+\.\d+\.\d+\b/, /\bpid\b|"process|argv|environ|INSTANCE/,
		/token_secret|password/].map(({ source }) => source).join('|'), 'i');
	const secrets = [os.hostname(), process.version, instance.folder,
		instance.tokenSecret(), ...instance.processes('master').map(String)];
	for (const door of ['/health', '/ready', '/ping', '/statistics', '/metrics']) {
		const answer = expect(await guest.get(door), 200);
		const told = answer.text.replace(/version=0\.0\.4/, '');
		assert.doesNotMatch(told, insides, door);
		for (const secret of secrets)
			assert.ok(secret.length < 3 || !told.split(/[^\w./-]+/).includes(secret),
				`${door} tells ${secret}`);
		assert.equal(answer.headers.get('server'), 'nginx', door);
		assert.equal(answer.headers.get('x-powered-by'), null, door);
	}
	const { text } = await guest.get('/statistics');
	assert.doesNotMatch(text, /rows|tables|entities|users/);
	assert.ok(Number(rows) > 5);
});

test('L02: settings are not for guests', async () => {
	for (const door of ['/_config', '/_config/backend', '/_config/backend/jwt.secret'])
		expect(await guest.get(door), 401, 403, 404);
	for (const entity of ['world', 'action', 'user_account', 'usergroup'])
		assert.doesNotMatch((await guest.get(`/api/${entity}`)).text,
			/password_hash|\$2[aby]\$/);
});

test('L02: another host is told no figures', async () => {
	const ask = async (address) => {
		const variables = variablesOf('GET', '/metrics', { REMOTE_ADDR: address });
		const { bytes } = await exchange(instance.socket('quick'), [begin(),
			record(FASTCGI.PARAMS, pairs(variables)), record(FASTCGI.PARAMS),
			record(FASTCGI.STDIN)]);
		return standardOutput(bytes);
	};
	for (const address of ['10.1.2.3', '2001:db8::1', '::ffff:10.0.0.1', '128.0.0.1']) {
		const answer = await ask(address);
		assert.match(answer, /^Status: 403/m, address);
		assert.doesNotMatch(answer, /actd_/, address);
	}
	for (const address of ['127.0.0.1', '127.0.0.2', '::1', 'unix:'])
		assert.match(await ask(address), /^actd_requests_total \d+$/m, address);
	const forged = await guest.get('/metrics',
		{ headers: { 'x-forwarded-for': '10.1.2.3' } });
	expect(forged, 200);
	assert.ok(fs.existsSync(instance.socket('quick')));
});
