/*
 * memory_test.js: each kind of request, served and refused, SOAK_REPEATS times
 * (R5): the memory of the workers is as before, and none of them ended.
 */
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const http = require('node:http');
const { after, before, test } = require('node:test');
const { startInstance } = require('../http/lib/instance.js');
const { JSON_API, schemaFile, settle } = require('../http/lib/client.js');
const { metrics } = require('../http/lib/metrics.js');

const REPEATS = Number(process.env.SOAK_REPEATS || 10000);
const CLIENTS = 8;

/* Requests before the first figure: statements are prepared, blocks taken. */
const WARM_UP = Math.max(200, Math.floor(REPEATS / 10));

/* What may be more afterwards, of all workers together. */
const GROWTH = 0.05;

let instance;
let alice;
let root;
let thing;
const agent = new http.Agent({ keepAlive: true, maxSockets: CLIENTS });

before(async () => {
	instance = await startInstance({ WORKERS: '2', ACTD_LOG_LEVEL: 'warning' });
	({ alice, root } = await settle(instance));
	await root.load('schema_shop.yaml', schemaFile('schema_shop.yaml'));
	await root.load('schema_crate.yaml', `
Tables:
  - TableName: crate
    Columns:
      - {ColumnName: label, ColumnType: label}
Actions:
  - Name: pack
    OnType: crate
    InstanceOptional: true
    InFields:
      - {ColumnName: label, ColumnType: label}
    OutFields:
      - {Type: crate, Method: POST, Attributes: {label: "!attributes.label + '!'"}}
`);
	thing = await alice.made('thing', { title: 'read me', quantity: 1 });
	for (let i = 0; i < 50; i++)
		await alice.made('thing', { title: `thing ${i}`, quantity: i });
});

after(() => {
	agent.destroy();
	instance?.stop();
});

/* The status of one request on a kept connection. */
function ask({ method = 'GET', target, body, type = JSON_API, token = alice.token }) {
	return new Promise((resolve, reject) => {
		const headers = { authorization: `Bearer ${token}` };
		if (body !== undefined)
			Object.assign(headers, { 'content-type': type,
				'content-length': Buffer.byteLength(body) });
		const request = http.request({ agent, method, host: '127.0.0.1',
			port: instance.port, path: target, headers }, (response) => {
			response.resume();
			response.on('end', () => resolve(response.statusCode));
		});
		request.on('error', reject);
		request.end(body);
	});
}

async function repeat(count, make, status) {
	let left = count;
	await Promise.all(Array.from({ length: CLIENTS }, async () => {
		for (; left > 0;) {
			const wanted = make(--left);
			assert.equal(await ask(wanted), status, wanted.target);
		}
	}));
}

/* Kilobytes that belong to the quick workers alone. */
function memory() {
	return instance.processes('quick worker').reduce((sum, pid) => {
		const text = fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
		return sum + [...text.matchAll(/^Private_(?:Clean|Dirty): +(\d+) kB$/gm)]
			.reduce((part, [, size]) => part + Number(size), 0);
	}, 0);
}

const text = (value) => JSON.stringify(value);
const row = (attributes) => text({ data: { type: 'thing', attributes } });
const filter = (entries) =>
	`/api/thing?query=${encodeURIComponent(text(entries))}`;

const KINDS = [
	['get', 200, () => ({ target: `/api/thing/${thing.id}` })],
	['list', 200, () => ({ target: '/api/thing?page[size]=20&sort=-quantity' })],
	['filter', 200, (i) => ({
		target: filter([{ column: 'quantity', operator: 'gt', value: i % 50 }]) })],
	['create', 201, (i) => ({ method: 'POST', target: '/api/thing',
		body: row({ title: `made ${i}` }) })],
	['update', 200, (i) => ({ method: 'PATCH', target: `/api/thing/${thing.id}`,
		body: text({ data: { type: 'thing', id: thing.id,
			attributes: { quantity: i } } }) })],
	['action with a script, dry', 200, (i) => ({ method: 'POST',
		target: '/action/crate/pack', type: 'application/json', token: root.token,
		body: text({ attributes: { label: `${i}` }, dry_run: true }) })],
	['discovery', 200, () => ({ target: '/openapi.yaml' })],
	['no such row', 404, (i) => ({
		target: `/api/thing/00000000-0000-4000-8000-${String(i).padStart(12, '0')}` })],
	['bad token', 401, (i) => ({ target: '/api/thing', token: `a.b.${i}` })],
	['bad JSON', 400, (i) => ({ method: 'POST', target: '/api/thing',
		body: `{"data":${'['.repeat(i % 90)}` })],
	['bad value', 422, (i) => ({ method: 'POST', target: '/api/thing',
		body: row({ title: 'x', quantity: `no number ${i}` }) })],
	['bad filter', 400, (i) => ({
		target: filter([{ column: `none${i}`, operator: 'is', value: 1 }]) })],
];

for (const [name, status, make] of KINDS)
	test(`${REPEATS} times: ${name}`, async (t) => {
		await repeat(WARM_UP, make, status);
		const [earlier, began] = [memory(), performance.now()];
		await repeat(REPEATS, make, status);
		const [now, took] = [memory(), performance.now() - began];
		t.diagnostic(`${name}: ${earlier} kB, then ${now} kB; ` +
			`${Math.round(REPEATS / took * 1000)}/s`);
		assert.ok(now <= earlier * (1 + GROWTH), `${earlier} kB grew to ${now} kB`);
	});

test('no worker ended, and memory is bounded over all of it', async (t) => {
	const figures = await metrics(instance);
	t.diagnostic(`${figures.actd_requests_total} requests, ${memory()} kB in ` +
		`${instance.processes('quick worker').length} workers`);
	assert.equal(figures.actd_worker_crashes_total, 0);
	assert.equal(instance.processes('quick worker').length, 2);
	assert.ok(memory() < 2 * 65536);
});
