/*
 * model.js: what a model costs: private memory of a worker that has seen all
 * entities, and loading it anew. BENCH_ENTITIES (1,000) of seven columns, each
 * with a relation to the one before and an action.
 */
'use strict';

const { startInstance } = require('../http/lib/instance.js');
const { expect, settle } = require('../http/lib/client.js');
const { ROUNDS, SECONDS, finish, median, privateMemory, report, sleep, wrk } =
	require('./rounds.js');

const FEW = 20;
const MANY = Number(process.env.BENCH_ENTITIES || 1000);
const CLIENTS = 16;
const VISITS = 4; /* of each entity */

let instance;
let alice;
let root;

const nameOf = (n) => `thing_${String(n).padStart(4, '0')}`;

const tableOf = (n) => `  - TableName: ${nameOf(n)}
    Permission: 2097151
    DefaultPermission: 16256
    Columns:
      - {ColumnName: title, ColumnType: label, DataType: varchar(100), IsIndexed: true}
      - {ColumnName: body, ColumnType: content, DataType: text}
      - {ColumnName: quantity, ColumnType: measurement, DataType: int(11), DefaultValue: "0"}
      - {ColumnName: price, ColumnType: float, DataType: "decimal(12,2)", IsNullable: true}
      - {ColumnName: kind, ColumnType: label, DataType: varchar(20), IsNullable: true}
      - {ColumnName: done, ColumnType: truefalse, DataType: bool, DefaultValue: "false"}
      - {ColumnName: made_at, ColumnType: datetime, IsNullable: true}
`;
const relationOf = (n) =>
	`  - {Subject: ${nameOf(n)}, Relation: has_one, Object: ${nameOf(n - 1)}}\n`;
const actionOf = (n) => `  - Name: add
    OnType: ${nameOf(n)}
    InstanceOptional: true
    InFields:
      - {ColumnName: title, ColumnType: label}
    OutFields:
      - {Type: ${nameOf(n)}, Method: POST, Attributes: {title: "~title", body: "!title + '!'"}}
`;

/* A file of more would be too large for an upload. */
const AT_ONCE = 250;

async function addEntities(from, to) {
	for (; to - from > AT_ONCE; from += AT_ONCE)
		await addEntities(from, from + AT_ONCE);
	const numbers = Array.from({ length: to - from }, (_, i) => from + i);
	await root.load(`schema_things_${from}.yaml`,
		`Tables:\n${numbers.map(tableOf).join('')}` +
		`Relations:\n${numbers.filter((n) => n > 0).map(relationOf).join('')}` +
		`Actions:\n${numbers.map(actionOf).join('')}`);
}

/* Creates and lists in all entities, so that every worker sees most. */
async function visitAll(count) {
	let next = 0;
	await Promise.all(Array.from({ length: CLIENTS }, async () => {
		while (next < count * VISITS) {
			const entity = nameOf(next % count);
			if (next++ < count)
				await alice.made(entity, { title: 'A title', body: 'Some words' });
			else
				expect(await alice.get(`/api/${entity}?sort=title`), 200);
		}
	}));
}

async function memory(count, bar) {
	await visitAll(count);
	await sleep(500);
	const sizes = privateMemory(instance);
	const most = Math.max(...sizes);
	report(`private memory of a worker, ${count} entities`,
		`${(most / 1024).toFixed(1)} MB at most, ${(median(sizes) / 1024).toFixed(1)} usually`,
		`<= ${bar} MB`, most <= bar * 1024);
}

/* Changes a row that models hold; milliseconds until the new model serves. */
async function reload(id) {
	const start = performance.now();
	expect(await root.update('world', id, { icon: `fa-${Date.now()}` }), 200);
	expect(await alice.get(`/api/${nameOf(0)}`), 200);
	return performance.now() - start;
}

async function reloads() {
	const id = instance.psql('SELECT reference_id FROM world WHERE table_name = ' +
		`'${nameOf(0)}'`);
	const times = [];
	for (let round = 0; round < 2 * ROUNDS; round++)
		times.push(await reload(id));
	await sleep(1500); /* logs come late */
	const spent = [...instance.log().matchAll(/PATCH path=\/api\/world\/.* cpu_us=(\d+)/g)]
		.map((match) => Number(match[1]) / 1000);
	report(`model reload, ${MANY} entities`, `${Math.round(median(times))} ms, ` +
		`${Math.round(median(spent))} ms of a worker's processor time`, '< 200 ms',
	median(times) < 200);
	const load = wrk(instance.port, `/api/${nameOf(1)}`,
		{ client: alice, seconds: 3 * SECONDS, tolerant: true });
	const until = performance.now() + 3000 * SECONDS;
	let count = 0;
	for (; performance.now() < until - 1000; count++)
		await reload(id);
	const served = await load;
	report(`failed requests while the model is loaded ${count} times`,
		`${served.bad} of ${served.total}, p99 ${served.p99} ms`, '0', served.bad === 0);
}

async function main() {
	instance = await startInstance({ ACTD_LOG_REQUESTS: 'true' });
	({ root, alice } = await settle(instance));
	/* Each index of each table waits for the disk. */
	instance.psql('ALTER SYSTEM SET fsync = off');
	instance.psql('SELECT pg_reload_conf()');
	await addEntities(0, FEW);
	await memory(FEW, 6);
	await addEntities(FEW, MANY);
	await memory(MANY, 20);
	await reloads();
	finish();
}

main().catch((error) => {
	console.error(error);
	process.exitCode = 1;
	process.exit();
});
