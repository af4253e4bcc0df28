/*
 * actions.js: what actions cost: one insert and one notify beside the plain
 * create, JavaScript beside none, random data beside COPY of the same rows; in
 * turns, on one instance. The bar of the insert is of processor time, which
 * other work on the machine does not change; those of JavaScript are of what a
 * caller waits, since its engine also works on beside. ACTION_ROUNDS (9) rounds
 * of ACTION_REQUESTS (400) requests, RANDOM_ROWS (200,000) rows.
 */
'use strict';

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { startInstance } = require('../http/lib/instance.js');
const { JSON_API, expect, settle } = require('../http/lib/client.js');

const ROUNDS = Number(process.env.ACTION_ROUNDS || 9);
const REQUESTS = Number(process.env.ACTION_REQUESTS || 400);
const ROWS = Number(process.env.RANDOM_ROWS || 200000);
const FURTHER = 10;

const expressions = (count) => Object.fromEntries(Array.from({ length: count },
	(_, i) => [`v${i}`, '!title.length * 2 + user.name.length']));

const notify = (Name, Attributes) => ({ Name, OnType: 'note', InstanceOptional: true,
	Permission: 2097151, InFields: [{ ColumnName: 'title', ColumnType: 'label' },
		{ ColumnName: 'body', ColumnType: 'content' }],
	OutFields: [{ Type: 'client.notify', Method: 'ACTIONRESPONSE', Attributes }] });

const jot = notify('jot', { message: 'noted', title: 'Success', type: 'success' });
jot.OutFields.unshift({ Type: 'note', Method: 'POST', SkipInResponse: true,
	Attributes: { title: '~title', body: '~body' } });

const SCHEMA = {
	Tables: [
		{ TableName: 'note', Permission: 2097151, DefaultPermission: 16256, Columns: [
			{ ColumnName: 'title', ColumnType: 'label' },
			{ ColumnName: 'body', ColumnType: 'content' }] },
		{ TableName: 'plain', Columns: [
			{ ColumnName: 'title', ColumnType: 'label' },
			{ ColumnName: 'email', ColumnType: 'email' },
			{ ColumnName: 'amount', ColumnType: 'measurement', DataType: 'numeric(10,2)' },
			{ ColumnName: 'due_at', ColumnType: 'datetime' },
			{ ColumnName: 'remark', ColumnType: 'content' }] }],
	Actions: [jot, notify('plainly', { message: '~title' }),
		notify('first', expressions(1)), notify('further', expressions(1 + FURTHER))],
};

let instance;
let root;
let alice;
let failed = false;
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/* One request over the one connection; its milliseconds. */
function once(target, type, body, status) {
	const start = process.hrtime.bigint();
	return new Promise((resolve, reject) => {
		const request = http.request(instance.url + target, { agent, method: 'POST', headers: {
			'content-type': type, 'content-length': Buffer.byteLength(body),
			authorization: `Bearer ${alice.token}` } }, (answer) => {
			answer.resume();
			answer.on('end', () => (answer.statusCode === status
				? resolve(Number(process.hrtime.bigint() - start) / 1e6)
				: reject(new Error(`${target}: ${answer.statusCode}`))));
		});
		request.on('error', reject);
		request.end(body);
	});
}

const VALUES = { title: 'a title', body: 'a few words that say something' };

const create = () => once('/api/note', JSON_API,
	JSON.stringify({ data: { type: 'note', attributes: VALUES } }), 201);

const run = (name) => () => once(`/action/note/${name}`, 'application/json',
	JSON.stringify({ attributes: VALUES }), 200);

/* The workers, their evaluators, and their backends. */
function busyProcesses() {
	const backends = instance.psql('SELECT pid FROM pg_stat_activity WHERE ' +
		"application_name = 'actd quick'").split('\n').map(Number);
	return [...instance.processes('quick worker'), ...evaluators(), ...backends];
}

/* Their processor time so far, in milliseconds: a tick has 10. */
function spent() {
	return busyProcesses().reduce((sum, pid) => {
		const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
		return sum + 10 * (Number(stat[11]) + Number(stat[12]));
	}, 0);
}

/* What it takes where nothing else is in the way. */
const undisturbed = (times) =>
	[...times].sort((a, b) => a - b)[Math.floor(times.length / 10)];

/* Times of each round, of all of `works` in turns. */
async function inTurns(works) {
	const all = works.map(() => ({ times: [], spent: 0 }));
	for (const work of works)
		for (let i = 0; i < REQUESTS / 4; i++) /* known to every worker */
			await work();
	for (let round = 0; round < ROUNDS; round++) {
		for (const [i, work] of works.entries()) {
			const times = [];
			const before = spent();
			for (let j = 0; j < REQUESTS; j++)
				times.push(await work());
			all[i].spent += spent() - before;
			all[i].times.push(undisturbed(times));
		}
	}
	return all;
}

function report(what, figures, bar, holds) {
	failed ||= !holds;
	console.log(`${what}: ${figures} (bar ${bar}: ${holds ? 'ok' : 'BELOW'})`);
}

function evaluators() {
	const workers = instance.processes('quick worker');
	return fs.readdirSync('/proc').filter((name) => {
		try {
			return workers.includes(Number(/^PPid:\s+(\d+)/m.exec(
				fs.readFileSync(`/proc/${name}/status`, 'utf8'))[1]));
		} catch {
			return false; /* no process, or it has just ended */
		}
	}).map(Number);
}

async function insertAndNotify() {
	const [plain, action] = await inTurns([create, run('jot')]);
	const ratio = action.spent / plain.spent;
	report('an action of one insert and one notify', `${ratio.toFixed(2)} times the ` +
		`processor time of a create (${median(action.times).toFixed(3)} of ` +
		`${median(plain.times).toFixed(3)} ms go by)`, '<= 1.5', ratio <= 1.5);
}

async function scripts() {
	await run('plainly')();
	const started = evaluators().length;
	report('evaluators started by plain paths', String(started), '0', started === 0);
	const [none, first, further] = await inTurns(
		['plainly', 'first', 'further'].map(run));
	const each = (one, other) => (one.spent - other.spent) / (ROUNDS * REQUESTS);
	const pass = (one, other) => median(one.times.map((time, i) => time - other.times[i]));
	const one = pass(first, none);
	const more = pass(further, first) / FURTHER;
	report('the first expression of a run', `${one.toFixed(3)} ms ` +
		`(${each(first, none).toFixed(3)} ms of processor time)`, '<= 0.5', one <= 0.5);
	report('each further expression', `${more.toFixed(3)} ms ` +
		`(${(each(further, first) / FURTHER).toFixed(3)} ms of processor time)`,
	'<= 0.05', more <= 0.05);
}

async function rate(work) {
	const begun = process.hrtime.bigint();
	await work();
	return ROWS * 1e9 / Number(process.hrtime.bigint() - begun);
}

async function randomData() {
	const file = path.join(instance.folder, 'plain.copy');
	const copy = (command) => execFileSync('psql', [...instance.databaseArguments(),
		'-Xqc', command], { env: instance.environment });
	const [made, copied] = [[], []];
	for (let round = 0; round < 3; round++) {
		instance.psql('SET client_min_messages = warning; TRUNCATE plain CASCADE');
		made.push(await rate(async () => expect(await root.action('world',
			'generate_random_data', { table_name: 'plain', count: ROWS }), 200)));
		copy(`\\copy plain TO '${file}'`);
		instance.psql('SET client_min_messages = warning; TRUNCATE plain CASCADE');
		copied.push(await rate(() => copy(`\\copy plain FROM '${file}'`)));
	}
	fs.rmSync(file);
	const part = median(made.map((value, i) => value / copied[i]));
	report(`${ROWS} rows of random data`, `${Math.round(100 * part)} % of COPY ` +
		`(${Math.round(median(made))} of ${Math.round(median(copied))} rows a second)`,
	'>= 30 %', part >= 0.3);
}

async function main() {
	instance = await startInstance({ WORKERS: '1' });
	({ root, alice } = await settle(instance));
	await root.load('schema_notes.json', JSON.stringify(SCHEMA));
	await insertAndNotify();
	await scripts();
	await randomData();
	agent.destroy();
	if (failed && process.env.BENCH_STRICT === '1')
		process.exitCode = 1;
}

main().catch((error) => {
	console.error(error);
	process.exitCode = 1;
}).finally(() => instance?.stop());
