/*
 * races_test.js: many at once (M01 to M05): exactly one wins, the others are
 * refused, nothing is half done. RACE_ROUNDS raises the rounds, RACE_NODES
 * spreads the clients over so many nodes of one database.
 */
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const { startInstance, startNode } = require('./lib/instance.js');
const { Client, PASSWORD, expect, mailOf, refused, schemaFile, settle, signIn, signUp } =
	require('./lib/client.js');
const { sleep, until } = require('./lib/wait.js');

const ROUNDS = Number(process.env.RACE_ROUNDS || 3);
const NODES = Number(process.env.RACE_NODES || 1);

/* An instance for each claim is slow: few, unless rounds were asked for. */
const CLAIMS = process.env.RACE_ROUNDS ? ROUNDS : 1;

/* Uploads add tables: a model of thousands says nothing new of races. */
const UPLOADS_A_DATABASE = 10;

/* What one node did is known to the others. */
const KNOWN_MS = 1000;

let nodes;
let instance;
let root;
let alice;

before(start);

async function start() {
	nodes = await startNodes();
	[instance] = nodes;
	({ root, alice } = await settle(instance));
	await root.load('schema_shop.yaml', schemaFile('schema_shop.yaml'));
	if (NODES > 1)
		await sleep(KNOWN_MS);
}

async function renew() {
	instance.stop();
	await start();
}

after(() => instance?.stop());

async function startNodes() {
	const started = [await startInstance()];
	while (started.length < NODES)
		started.push(await startNode(started[0]));
	return started;
}

/* The client's `i`th request goes to this node. */
const at = (i, client, among = nodes) =>
	new Client(among[i % among.length], client.token);

const times = (count, make) => Promise.all(Array.from({ length: count },
	(_, index) => make(index)));

function tally(answers) {
	const statuses = {};
	for (const { status } of answers)
		statuses[status] = (statuses[status] ?? 0) + 1;
	return statuses;
}

test('M01: of 50 first users exactly one becomes the administrator', async () => {
	for (let round = 0; round < CLAIMS; round++) {
		const among = await startNodes();
		const [fresh] = among;
		try {
			const guest = new Client(fresh);
			const people = await times(10, async (i) => {
				expect(await signUp(guest, `first${i}`), 200);
				return signIn(fresh, `first${i}`);
			});
			const answers = await times(50, (i) =>
				at(i, people[i % 10], among)
					.action('world', 'become_an_administrator'));
			assert.deepEqual(tally(answers), { 200: 1, 403: 49 });
			const winner = people[answers.findIndex(({ status }) => status === 200) % 10];
			assert.equal(fresh.psql('SELECT count(*) FROM ' +
				'user_account_user_account_id_has_usergroup_usergroup_id m ' +
				'JOIN usergroup g ON g.id = m.usergroup_id ' +
				'WHERE g.name = \'administrators\''), '1');
			if (NODES > 1)
				await sleep(KNOWN_MS);
			for (let i = 0; i < people.length * NODES; i++) {
				const person = people[Math.floor(i / NODES)];
				const answer = await at(i, person, among)
					.action('world', 'download_system_schema');
				expect(answer, person === winner ? 200 : 403);
			}
		} finally {
			fresh.stop();
		}
	}
});

test('M02: of 50 sign-ups with one address one succeeds', async () => {
	for (let round = 0; round < ROUNDS; round++) {
		const name = `same${round}`;
		const answers = await times(50, (i) => at(i, root).action('user_account', 'signup', {
			name, password: PASSWORD, passwordConfirm: PASSWORD,
			email: i % 2 ? mailOf(name) : mailOf(name).toUpperCase() }));
		assert.deepEqual(tally(answers), { 200: 1, 409: 49 });
		for (const answer of answers)
			if (answer.status !== 200)
				refused(answer, 409);
		assert.equal(instance.psql('SELECT count(*) FROM user_account ' +
			`WHERE lower(email) = '${mailOf(name)}'`), '1');
		assert.equal(instance.psql('SELECT count(*) FROM usergroup ' +
			`WHERE name LIKE '%${name}%'`), '1');
	}
});

test('M03: 20 uploads at once are each applied whole or refused whole', async () => {
	for (let round = 0; round < ROUNDS; round++) {
		if (round % UPLOADS_A_DATABASE === 0 && round > 0)
			await renew();
		const table = `race_${round}`;
		const schema = (i) => `
Tables:
  - TableName: ${table}
    Columns:
      - {ColumnName: title, ColumnType: label}
      - {ColumnName: left_${i}, ColumnType: label, IsNullable: true}
      - {ColumnName: right_${i}, ColumnType: label, IsNullable: true}
  - TableName: ${table}_${i}
    Columns:
      - {ColumnName: title, ColumnType: label}
`;
		const answers = await times(20, (i) =>
			at(i, root).upload(`schema_${table}_${i}.yaml`, schema(i)));
		if (NODES > 1)
			await sleep(KNOWN_MS);
		for (const [i, answer] of answers.entries()) {
			const applied = answer.status === 200;
			if (!applied)
				refused(answer, 409, 503);
			assert.doesNotMatch(answer.text, /deadlock/);
			const columns = instance.psql('SELECT count(*) FROM ' +
				`information_schema.columns WHERE table_name = '${table}' ` +
				`AND column_name IN ('left_${i}', 'right_${i}')`);
			assert.equal(columns, applied ? '2' : '0', `upload ${i}`);
			const found = await times(4 * NODES, (n) =>
				at(n, root).get(`/api/${table}_${i}`));
			for (const one of found)
				expect(one, applied ? 200 : 404);
		}
		assert.ok(answers.some(({ status }) => status === 200));
		const rows = await times(20, (i) => at(i, root).create(table, { title: 'x' }));
		for (const row of rows)
			assert.ok(Object.keys(expect(row, 201).json.data.attributes)
				.filter((name) => name.startsWith('left_')).length ===
				answers.filter(({ status }) => status === 200).length);
	}
});

test('M04: PATCHes of one row at once lose no field', async () => {
	for (let round = 0; round < ROUNDS; round++) {
		const { id } = await alice.made('thing', { title: 'start' });
		const answers = await times(20, (i) => at(i >> 1, alice).update('thing', id,
			i % 2 ? { note: `note ${i}` } : { quantity: i + 1 }));
		for (const answer of answers)
			expect(answer, 200, 409);
		const { attributes } = expect(
			await alice.get(`/api/thing/${id}`), 200).json.data;
		assert.equal(attributes.title, 'start');
		assert.match(attributes.note, /^note \d+$/);
		assert.ok(attributes.quantity > 0);
		const done = answers.filter(({ status }) => status === 200).length;
		assert.equal(instance.psql('SELECT version FROM thing ' +
			`WHERE reference_id = '${id}'`), String(1 + done));
		expect(await alice.delete(`/api/thing/${id}`), 200);
	}
});

test('M04: of PATCHes with one ETag exactly one is done', async () => {
	for (let round = 0; round < ROUNDS; round++) {
		const { id } = await alice.made('thing', { title: 'start' });
		const tag = (await alice.get(`/api/thing/${id}`)).headers.get('etag');
		const answers = await times(20, (quantity) => at(quantity, alice).patch(`/api/thing/${id}`,
			{ data: { type: 'thing', id, attributes: { quantity: quantity + 1 } } },
			{ headers: { 'if-match': tag } }));
		assert.deepEqual(tally(answers), { 200: 1, 412: 19 });
		expect(await alice.delete(`/api/thing/${id}`), 200);
	}
});

test('M04: a delete and a link at once leave no dangling link', async () => {
	for (let round = 0; round < ROUNDS * 3; round++) {
		const tag = await alice.made('tag', { word: `w${round}` });
		const { id } = await alice.made('thing', { title: 'linked' });
		const link = (i) => at(i, alice).post(`/api/thing/${id}/relationships/tags`,
			{ data: [{ type: 'tag', id: tag.id }] });
		const answers = await Promise.all([link(0), alice.delete(`/api/tag/${tag.id}`),
			link(1), at(1, alice).update('thing', id, { note: 'x' })]);
		for (const answer of answers)
			assert.ok(answer.status < 500, `${answer.asked}: ${answer.text}`);
		assert.equal(instance.psql('SELECT count(*) FROM thing_tagged_has_tag_tags l ' +
			'LEFT JOIN tag t ON t.id = l.tags WHERE t.id IS NULL'), '0');
		expect(await alice.delete(`/api/thing/${id}`), 200);
	}
});

test('of creates with one unique value one succeeds', async () => {
	for (let round = 0; round < ROUNDS; round++) {
		const answers = await times(20, (i) => at(i, alice).create('thing',
			{ title: 'unique', code: `only-${round}` }));
		assert.deepEqual(tally(answers), { 201: 1, 409: 19 });
	}
});

const JOBS = `
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
      - {Type: crate, Method: POST, Attributes: {label: "~label"}}
`;

test('M05: a job is done once, whoever sees it', async () => {
	await root.load('schema_crate.yaml', JOBS);
	if (NODES > 1)
		await sleep(KNOWN_MS);
	for (let round = 0; round < ROUNDS; round++) {
		const answers = await times(10, (i) => at(i, root).request('POST',
			'/action/crate/pack', { body: { attributes: { label: `${round}.${i}` } },
				type: 'application/json', headers: { prefer: 'respond-async' } }));
		for (const answer of answers)
			expect(answer, 202);
		await drained();
	}
	assert.equal(instance.psql('SELECT count(*), count(DISTINCT label), ' +
		'(SELECT count(*) FROM job WHERE state <> \'succeeded\'), ' +
		'(SELECT max(attempts) FROM job) FROM crate'),
	`${10 * ROUNDS}|${10 * ROUNDS}|0|1`);
});

/* Until no job waits or runs. */
const drained = () => until('no jobs', () => instance.psql(
	`SELECT count(*) FROM job WHERE state IN ('queued', 'running')`) === '0',
{ limit: 30000 });

/* Each locks its subject, then the other's: half of them must wait in turn. */
test('actions that meet in a deadlock are run again, and all of them count', async (t) => {
	await root.load('schema_pairs.json', JSON.stringify({
		Tables: [{ TableName: 'scale', Permission: 2097151, Columns: [
			{ ColumnName: 'left_side', ColumnType: 'measurement' },
			{ ColumnName: 'right_side', ColumnType: 'measurement' }] }],
		Actions: [{ Name: 'tip', Label: 'Tip', OnType: 'scale', Permission: 2097151,
			InFields: [{ ColumnName: 'other', ColumnType: 'alias' }],
			OutFields: [
				{ Type: 'scale', Method: 'PATCH', SkipInResponse: true, Attributes: {
					reference_id: '$.reference_id',
					left_side: '!subject.left_side + 1' } },
				{ Type: 'scale', Method: 'PATCH', SkipInResponse: true, Attributes: {
					reference_id: '~other', right_side: 1 } }] }],
	}));
	const pair = [];
	for (let i = 0; i < 2; i++) {
		const { id } = await root.made('scale', { left_side: 0, right_side: 0 });
		expect(await root.update('scale', id, { permission: 2097151 }), 200);
		pair.push(id);
	}
	let again = 0;
	/* Three attempts of the server's, then the client's own. */
	const tip = async (i) => {
		for (;;) {
			const answer = expect(await at(i, alice).action('scale', 'tip',
				{ scale_id: pair[i % 2], other: pair[1 - i % 2] }), 200, 409);
			assert.doesNotMatch(answer.text, /deadlock|40P01/);
			if (answer.status === 200)
				return;
			again++;
			assert.ok(Number(answer.headers.get('retry-after')) > 0, answer.text);
		}
	};
	await Promise.all(Array.from({ length: 4 }, (_, i) => tip(i)));
	for (const id of pair)
		assert.equal(instance.psql(
			`SELECT left_side FROM scale WHERE reference_id = '${id}'`), '2');
	assert.match(nodes.map((node) => node.log()).join(''), /event=action-conflict action=tip/);
	t.diagnostic(`${again} were answered 409 before`);
});
