/*
 * track_test.js: state machines: starting, events, history, permission, many
 * at once, and what /jsmodel tells of them.
 */
'use strict';

const assert = require('node:assert/strict');
const { after, before, describe, test } = require('node:test');
const { startInstance } = require('./lib/instance.js');
const { NOWHERE, expect, refused, schemaFile, settle, worldRow } =
	require('./lib/client.js');

/* Guest, owner and group bits of seven each, by verb. */
const PEEK = 1, READ = 2, EXECUTE = 32;
const ALL = 127;
const bits = (guest, owner = ALL, group = 0) => guest | owner << 7 | group << 14;

let instance;
let guest;
let root;
let alice;
let bob;
let book;
let machine;

before(async () => {
	instance = await startInstance();
	({ guest, root, alice, bob } = await settle(instance));
	await root.load('schema_library.yaml', schemaFile('schema_library.yaml'));
	const author = await root.made('author', { name: 'Jane Austen' });
	book = await root.made('book', { title: 'Emma', author_id: author.id });
	machine = await machineNamed('loan_life');
});

after(() => instance?.stop());

const machineNamed = async (name) => expect(await root.get('/api/smd'), 200)
	.json.data.find((row) => row.attributes.name === name);

const loan = async (permission) => {
	const row = await root.made('loan', { book_id: book.id });
	if (permission !== undefined)
		expect(await root.update('loan', row.id, { permission }), 200);
	return row.id;
};

const begin = (client, referenceId, smd = machine.id, typeName = 'loan') =>
	client.request('POST', `/track/start/${smd}`,
		{ body: { typeName, referenceId }, type: 'application/json' });

const send = (client, id, event, type = 'loan') =>
	client.request('POST', `/track/event/${type}/${id}/${event}`);

/* A machine that runs for a new loan; the id of its state row. */
const started = async (client = root) =>
	expect(await begin(client, await loan(bits(READ))), 200).json.data.id;

const stateOf = (id) => instance.psql(
	`SELECT current_state, version FROM loan_state WHERE reference_id = '${id}'`);

/* What a row was before each transition. */
const historyOf = (id) => instance.psql('SELECT current_state, operation ' +
	`FROM loan_state_audit WHERE source_reference_id = '${id}' ORDER BY id`);

describe('starting', () => {
	test('it makes a state row in the initial state, in both shapes', async () => {
		const subject = await loan();
		const answer = expect(await begin(root, subject), 200);
		const { data, Res, Code } = answer.json;
		assert.equal(data.type, 'loan_state');
		assert.equal(data.attributes.current_state, 'requested');
		assert.equal(data.attributes.is_state_of_loan, subject);
		assert.equal(data.attributes.loan_smd, machine.id);
		assert.equal(Res.Data.reference_id, data.id);
		assert.equal(Res.Data.current_state, 'requested');
		assert.equal(Code, 201);
		const rows = expect(await root.get(`/api/loan/${subject}/loan_has_state`), 200)
			.json.data;
		assert.deepEqual(rows.map((row) => row.id), [data.id]);
	});

	test('a row has as many machines as are started', async () => {
		const subject = await loan();
		for (let i = 0; i < 2; i++)
			expect(await begin(root, subject), 200);
		assert.equal(expect(await root.get(`/api/loan/${subject}/loan_has_state`), 200)
			.json.data.length, 2);
	});

	test('what is missing, unknown or untracked is refused', async () => {
		const subject = await loan();
		refused(await begin(root, undefined), 400);
		refused(await begin(root, ''), 400);
		refused(await begin(root, 7), 400);
		refused(await begin(root, subject, machine.id, null), 400);
		refused(await begin(root, subject, machine.id, ['loan']), 400);
		refused(await begin(root, subject, machine.id, 'nothing'), 404);
		refused(await begin(root, book.id, machine.id, 'book'), 400);
		refused(await begin(root, NOWHERE), 404);
		refused(await begin(root, 'x'), 404);
		refused(await begin(root, subject, NOWHERE), 404);
		refused(await begin(root, subject, 'x'), 404);
		for (const body of ['', '[]', '7', '{', 'null'])
			refused(await root.request('POST', `/track/start/${machine.id}`,
				{ body, type: 'application/json' }), 400);
		refused(await root.get(`/track/start/${machine.id}`), 405);
	});

	test('it needs Execute on the machine and Read on the row', async () => {
		const open = await loan(bits(READ));
		const closed = await loan(bits(PEEK | EXECUTE));
		expect(await root.update('world', (await worldRow(root, 'loan')).id,
			{ permission: bits(PEEK | READ | EXECUTE) }), 200);
		const answer = expect(await begin(alice, open), 200);
		assert.equal(instance.psql('SELECT email FROM loan_state s JOIN user_account u ' +
			`ON u.id = s.user_account_id WHERE s.reference_id = '${answer.json.data.id}'`),
		'alice@example.com');
		refused(await begin(alice, closed), 404);
		expect(await root.update('smd', machine.id, { permission: bits(PEEK) }), 200);
		try {
			refused(await begin(alice, open), 404);
			expect(await root.update('smd', machine.id, { permission: bits(READ) }), 200);
			expect(await root.update('world', (await worldRow(root, 'smd')).id,
				{ permission: bits(PEEK | READ | EXECUTE) }), 200);
			refused(await begin(alice, open), 403);
			refused(await begin(guest, open), 403);
		} finally {
			expect(await root.update('smd', machine.id,
				{ permission: bits(PEEK | EXECUTE) }), 200);
		}
	});
});

describe('events', () => {
	test('they move the row, and each move is kept', async () => {
		const id = await started();
		for (const [event, state] of [['hand_out', 'lent'], ['extend', 'lent'],
			['remind', 'overdue'], ['extend', 'lent'], ['take_back', 'returned']]) {
			const answer = expect(await send(root, id, event), 200);
			assert.equal(answer.json.data.id, id);
			assert.equal(answer.json.data.attributes.current_state, state);
			assert.equal(answer.json.Res.Data.current_state, state);
			assert.equal(answer.json.Code, 200);
		}
		assert.equal(stateOf(id), 'returned|6');
		assert.equal(historyOf(id), ['requested', 'lent', 'lent', 'overdue', 'lent']
			.map((state) => `${state}|state_transition`).join('\n'));
		const query = encodeURIComponent(JSON.stringify(
			[{ column: 'source_reference_id', operator: 'is', value: id }]));
		const kept = expect(await root.get(
			`/api/loan_state_audit?query=${query}&sort=created_at`), 200).json.data;
		assert.equal(kept.length, 5);
		assert.equal(kept[0].attributes.operation, 'state_transition');
	});

	test('a wrong one is 409 and names those that are possible', async () => {
		const id = await started();
		const answer = refused(await send(root, id, 'take_back'), 409);
		assert.match(answer.text, /hand_out, cancel/);
		expect(await send(root, id, 'cancel'), 200);
		assert.match(refused(await send(root, id, 'hand_out'), 409).text, /none/);
		assert.equal(stateOf(id), 'cancelled|2');
	});

	test('unknown ones are 404', async () => {
		const id = await started();
		refused(await send(root, id, 'fly'), 404);
		refused(await send(root, id, 'HAND_OUT'), 404);
		refused(await send(root, NOWHERE, 'hand_out'), 404);
		refused(await send(root, 'x', 'hand_out'), 404);
		refused(await send(root, id, 'hand_out', 'nothing'), 404);
		refused(await send(root, id, 'hand_out', 'book'), 400);
		refused(await root.get(`/track/event/loan/${id}/hand_out`), 405);
		assert.equal(stateOf(id), 'requested|1');
	});

	test('several of one name have sources of their own', async () => {
		const smd = await root.made('smd', { name: 'door', label: 'Door',
			initial_state: 'shut', events: JSON.stringify([
				{ name: 'push', src: ['shut'], dst: 'open' },
				{ NAME: 'push', SRC: 'open', DST: 'shut' },
			]) });
		const id = expect(await begin(root, await loan(), smd.id), 200).json.data.id;
		for (const state of ['open', 'shut', 'open'])
			assert.equal(expect(await send(root, id, 'push'), 200)
				.json.data.attributes.current_state, state);
	});

	test('they need Execute on the state row and Read on its subject', async () => {
		const subject = await loan(bits(READ));
		const id = expect(await begin(root, subject), 200).json.data.id;
		const permit = (permission) => instance.psql(
			`UPDATE loan_state SET permission = ${permission} WHERE reference_id = '${id}'`);
		permit(bits(0));
		refused(await send(bob, id, 'hand_out'), 404);
		permit(bits(EXECUTE));
		expect(await send(bob, id, 'hand_out'), 200);
		permit(bits(READ));
		expect(await root.update('world', (await worldRow(root, 'loan_state')).id,
			{ permission: bits(PEEK | READ | EXECUTE) }), 200);
		refused(await send(bob, id, 'remind'), 403);
		refused(await send(guest, id, 'remind'), 403);
		permit(bits(READ | EXECUTE));
		expect(await root.update('loan', subject, { permission: bits(0) }), 200);
		refused(await send(bob, id, 'remind'), 404);
		assert.equal(stateOf(id), 'lent|2');
	});

	test('of many at once one wins, and none is lost (M04)', async () => {
		const id = await started();
		const answers = await Promise.all(Array.from({ length: 20 }, () =>
			send(root, id, 'hand_out')));
		const statuses = answers.map((answer) => answer.status).sort();
		assert.deepEqual(statuses, [200, ...Array(19).fill(409)]);
		assert.equal(stateOf(id), 'lent|2');
		await Promise.all(Array.from({ length: 20 }, () => send(root, id, 'extend')));
		assert.equal(stateOf(id), 'lent|22');
		assert.equal(historyOf(id).split('\n').length, 21);
	});

	test('nobody writes states or their history over the API', async () => {
		const id = await started();
		refused(await root.update('loan_state', id, { current_state: 'lent' }), 403);
		refused(await root.delete(`/api/loan_state/${id}`), 403);
		refused(await root.create('loan_state', { current_state: 'lent' }), 403);
		refused(await root.create('loan_state_audit', { current_state: 'lent' }), 403);
	});

	test('a row takes its states along', async () => {
		const subject = await loan();
		const id = expect(await begin(root, subject), 200).json.data.id;
		expect(await root.delete(`/api/loan/${subject}`), 200);
		refused(await send(root, id, 'hand_out'), 404);
	});
});

test('/jsmodel shows the machines that are linked to the table', async () => {
	const model = async (client, name) =>
		expect(await client.get(`/jsmodel/${name}.js`), 200).json;
	assert.deepEqual((await model(root, 'loan')).StateMachines, []);
	const world = await worldRow(root, 'loan');
	expect(await root.post(`/api/world/${world.id}/relationships/smd_id`,
		{ data: [{ type: 'smd', id: machine.id }] }), 200, 204);
	for (const client of [root, alice, guest]) {
		const { StateMachines, IsStateMachineEnabled } = await model(client, 'loan');
		assert.equal(IsStateMachineEnabled, true);
		assert.equal(StateMachines.length, 1);
		const [{ name, label, initial_state, events, reference_id }] = StateMachines;
		assert.deepEqual({ name, label, initial_state, reference_id }, { name: 'loan_life',
			label: 'Life of a loan', initial_state: 'requested',
			reference_id: machine.id });
		assert.equal(JSON.parse(events).length, 5);
	}
	assert.deepEqual((await model(root, 'book')).StateMachines, []);
	expect(await root.update('smd', machine.id, { permission: bits(0) }), 200);
	assert.equal((await model(root, 'loan')).StateMachines.length, 1);
	assert.deepEqual((await model(guest, 'loan')).StateMachines, []);
});
