/*
 * actions_test.js: runs of actions whose processes are killed: a ledger of
 * what clients were told is compared with the tables. FAULT_ROUNDS (20) is the
 * number of kills.
 */
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const { startInstance } = require('../http/lib/instance.js');
const { Client, expect, messages, settle } = require('../http/lib/client.js');

const ROUNDS = Number(process.env.FAULT_ROUNDS || 20);
const CLIENTS = 6;
const PARTS = 6;

/* One of so many kills is of a PostgreSQL backend, or of the master. */
const BACKEND_EVERY = 8;
const MASTER_EVERY = 20;

const part = (n, more) => ({ Type: 'part', Method: 'POST',
	Attributes: { code: '~code', n, crate_id: '$crate.reference_id', ...more } });

const SCHEMA = {
	Tables: [
		{ TableName: 'crate', IsAuditEnabled: true, Columns: [
			{ ColumnName: 'code', ColumnType: 'label' },
			{ ColumnName: 'parts', ColumnType: 'measurement' }] },
		{ TableName: 'part', Columns: [
			{ ColumnName: 'code', ColumnType: 'label' },
			{ ColumnName: 'n', ColumnType: 'measurement' },
			{ ColumnName: 'mark', ColumnType: 'label', IsUnique: true, IsNullable: true }] },
		{ TableName: 'stock', Permission: 2097151, Columns: [
			{ ColumnName: 'name', ColumnType: 'label' },
			{ ColumnName: 'quantity', ColumnType: 'measurement' }] },
		{ TableName: 'movement', Columns: [
			{ ColumnName: 'amount', ColumnType: 'measurement' }] },
	],
	Relations: [
		{ Subject: 'part', Relation: 'belongs_to', Object: 'crate' },
		{ Subject: 'movement', Relation: 'belongs_to', Object: 'stock' },
	],
	Actions: [
		/* Six outcomes; with the mark of another the fifth fails. */
		{ Name: 'pack', OnType: 'crate', InstanceOptional: true, Permission: 2097151,
			InFields: ['code', 'mark'].map((ColumnName) =>
				({ ColumnName, ColumnType: 'label' })),
			OutFields: [
				{ Type: 'crate', Method: 'POST', Reference: 'crate',
					Attributes: { code: '~code', parts: 0 } },
				part(1), part(2), part(3), part(4, { mark: '~mark' }),
				{ Type: 'crate', Method: 'PATCH',
					Attributes: { reference_id: '$crate.reference_id', parts: 4 } },
			] },
		{ Name: 'take', OnType: 'stock', Permission: 2097151,
			InFields: [{ ColumnName: 'amount', ColumnType: 'measurement' }],
			OutFields: [
				{ Type: 'stock', Method: 'PATCH',
					Condition: '!subject.quantity >= amount',
					Attributes: { reference_id: '$.reference_id',
						quantity: '!subject.quantity - amount' } },
				{ Type: 'movement', Method: 'POST',
					Condition: '!subject.quantity >= amount',
					Attributes: { amount: '~amount', stock_id: '$.reference_id' } },
				{ Type: 'client.notify', Method: 'ACTIONRESPONSE',
					Attributes: { message: '!subject.quantity >= amount ? "taken" : "none"' } },
			] },
	],
};

let instance;
let root;
let alice;

before(async () => {
	instance = await startInstance({ WORKERS: '4' });
	({ root, alice } = await settle(instance));
	await root.load('schema_crates.json', JSON.stringify(SCHEMA));
	await root.made('part', { code: 'first', n: 0, mark: 'taken',
		crate_id: (await root.made('crate', { code: 'first', parts: 0 })).id });
	/* so that a kill is likely to be between two outcomes */
	instance.psql('CREATE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql AS ' +
		'\'BEGIN PERFORM pg_sleep(0.003); RETURN NEW; END\'');
	instance.psql('CREATE TRIGGER pause BEFORE INSERT ON part FOR EACH ROW ' +
		'EXECUTE FUNCTION pause()');
});

after(() => instance?.stop());

const sleep = (milliseconds) =>
	new Promise((resolve) => setTimeout(resolve, milliseconds));

const anyOf = (list) => list[Math.floor(Math.random() * list.length)];

/* Answers again, after whatever it was. */
async function recovered(milliseconds = 30000) {
	const end = Date.now() + milliseconds;
	for (;;) {
		const answer = await new Client(instance, alice.token)
			.get('/api/crate?page[size]=1').catch(() => ({ status: 0 }));
		if (answer.status === 200)
			return;
		assert.ok(Date.now() < end, `still ${answer.status} ${answer.text ?? ''}`);
		await sleep(50);
	}
}

/* What is killed needs a moment to be gone. */
async function startAgain() {
	for (let attempt = 0; ; attempt++) {
		try {
			instance.start();
			return;
		} catch (error) {
			if (attempt === 20)
				throw error;
			await sleep(300);
		}
	}
}

function backends() {
	const pids = (more) => instance.psql('SELECT pid FROM pg_stat_activity WHERE ' +
		`application_name = 'actd quick'${more}`).split('\n').filter(Boolean).map(Number);
	const busy = pids(" AND state <> 'idle'");
	return busy.length ? busy : pids('');
}

function victimOf(round) {
	if (round % MASTER_EVERY === MASTER_EVERY - 1)
		return ['master', instance.processes('master')];
	if (round % BACKEND_EVERY === BACKEND_EVERY - 1)
		return ['backend', backends()];
	return ['quick worker', instance.processes('quick worker')];
}

/* What a client was told of a code. */
async function pack(ledger, code, mark) {
	const answer = await alice.action('crate', 'pack', { code, mark })
		.catch((error) => ({ status: 0, text: String(error.cause ?? error) }));
	ledger.set(code, { mark, ...answer });
}

/* The parts that there are of each code, with the crate, its record, its history. */
function stored() {
	const rows = instance.psql('SELECT c.code, c.parts, (SELECT count(*) FROM part p ' +
		'WHERE p.crate_id = c.id AND p.code = c.code), (SELECT count(*) FROM action_run r ' +
		'WHERE r.changed_rows LIKE \'%\' || c.reference_id || \'%\'), ' +
		'(SELECT count(*) FROM crate_audit a ' +
		'WHERE a.source_reference_id = c.reference_id) ' +
		"FROM crate c WHERE c.code <> 'first'");
	return new Map(rows.split('\n').filter(Boolean).map((row) => {
		const [code, ...numbers] = row.split('|');
		return [code, numbers.join(' ')];
	}));
}

/* A crate said to have four parts, which it has; one record; one earlier state. */
const WHOLE = '4 4 1 1';

function balance(ledger) {
	const there = stored();
	const counts = { done: 0, refused: 0, unknown: 0, unknownDone: 0 };
	for (const [code, { mark, status, text }] of ledger) {
		const state = there.get(code);
		assert.ok(state === undefined || state === WHOLE,
			`${code} is half done: ${state}, after ${status} ${text}`);
		if (status === 200) {
			assert.equal(state, WHOLE, `${code} was acknowledged and is not there`);
			counts.done++;
		} else if ([0, 502, 504].includes(status)) {
			assert.ok(mark === undefined || state === undefined,
				`${code} must fail and is there`);
			counts.unknown++;
			counts.unknownDone += state ? 1 : 0;
		} else {
			assert.ok(mark ? [409, 503].includes(status) : status === 503,
				`${code}: ${status} ${text}`);
			assert.equal(state, undefined, `${code} was refused and is there`);
			counts.refused++;
		}
	}
	const known = new Set(ledger.keys());
	assert.deepEqual([...there.keys()].filter((code) => !known.has(code)), []);
	assert.equal(instance.psql('SELECT count(*) FROM part WHERE code <> \'first\' ' +
		'AND code NOT IN (SELECT code FROM crate)'), '0', 'parts without a crate');
	assert.equal(instance.psql('SELECT count(*) FROM actd_journal WHERE run NOT IN ' +
		'(SELECT reference_id FROM action_run)'), '0', 'a journal without its run');
	return counts;
}

async function round(number, ledger, killed) {
	const runs = Array.from({ length: CLIENTS }, (_, i) =>
		pack(ledger, `${number}-${i}`, i % 3 === 2 ? 'taken' : undefined));
	await sleep(Math.random() * 40);
	const [what, pids] = victimOf(number);
	if (pids.length) {
		try {
			process.kill(anyOf(pids), 'SIGKILL');
			killed[what] = (killed[what] ?? 0) + 1;
		} catch (error) {
			assert.equal(error.code, 'ESRCH');
		}
	}
	await Promise.all(runs);
	if (what === 'master' && !instance.processes('master').length)
		await startAgain();
	await recovered();
}

test(`${ROUNDS} kills at any moment leave nothing half done`, async (t) => {
	const ledger = new Map();
	const killed = {};
	for (let i = 0; i < ROUNDS; i++)
		await round(i, ledger, killed);
	const counts = balance(ledger);
	t.diagnostic(`${JSON.stringify(killed)} killed, runs: ${JSON.stringify(counts)}`);
	assert.ok(killed['quick worker'] >= ROUNDS / 2, 'they were killed');
	assert.ok(counts.done >= ROUNDS && counts.refused >= ROUNDS, JSON.stringify(counts));
});

test('a run whose fifth outcome fails leaves nothing, and says why', async () => {
	const ledger = new Map();
	await Promise.all(Array.from({ length: 20 }, (_, i) =>
		pack(ledger, `fails-${i}`, 'taken')));
	for (const answer of ledger.values()) {
		assert.equal(answer.status, 409, answer.text);
		assert.match(messages(answer), /mark/);
	}
	const runs = instance.psql("SELECT count(*) FROM crate WHERE code LIKE 'fails-%'");
	assert.equal(runs, '0');
	assert.equal(instance.psql("SELECT count(*) FROM part WHERE code LIKE 'fails-%'"), '0');
	assert.equal(instance.psql("SELECT count(*) FROM action_run WHERE attributes LIKE '%fails-%'"),
		'0');
});

test('50 runs at once on one subject keep their invariant', async () => {
	const { id } = await root.made('stock', { name: 'screws', quantity: 100 });
	expect(await root.update('stock', id, { permission: 2097151 }), 200);
	const amounts = Array.from({ length: 50 }, (_, i) => 1 + i % 7);
	const answers = await Promise.all(amounts.map((amount) =>
		alice.action('stock', 'take', { stock_id: id, amount })));
	let taken = 0;
	for (const [i, answer] of answers.entries()) {
		assert.equal(answer.status, 200, answer.text);
		if (messages(answer).includes('taken'))
			taken += amounts[i];
	}
	const [quantity, moved] = instance.psql('SELECT s.quantity, (SELECT sum(m.amount) ' +
		`FROM movement m WHERE m.stock_id = s.id) FROM stock s WHERE reference_id = '${id}'`)
		.split('|').map(Number);
	assert.equal(quantity + moved, 100, 'nothing is lost and nothing is made');
	assert.equal(moved, taken, 'clients were told the truth');
	assert.ok(quantity >= 0, `${quantity} left`);
	assert.ok(quantity < 7, `${quantity} left, and some were refused`);
});
