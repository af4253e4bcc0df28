/*
 * oracle_test.js: the rules of permissions, written down once more, against
 * the running server (C01): 21 single bits set and cleared and 2,000 random masks,
 * five callers, every verb, every door. No route of the table in fcgi/router.c
 * is left out: a new one without a door here fails. ORACLE_SEED chooses other
 * masks.
 */
'use strict';

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { randomUUID } = require('node:crypto');
const { after, before, describe, test } = require('node:test');
const { ACTD, startInstance } = require('./lib/instance.js');
const { NOWHERE, expect, fileOf, member, mine, settle } = require('./lib/client.js');

const SEED = Number(process.env.ORACLE_SEED ?? 20261124);
const RANDOM_MASKS = 2000;
const SINGLE_ROWS = 60; /* doors of single rows, tables and actions */
const BOX_SIZE = 40;	/* below the bound of included rows */
const PAGE = 1000;
const ALL = 2097151;

/*
 * The oracle: wire/permissions.md section 3 under wire/decisions.md. A row has
 * `permission`, `owner` (a caller's name or null) and `links` [{group,
 * permission}]; a caller has `name`, `groups`, `administrator`.
 */
const VERBS = ['peek', 'read', 'create', 'update', 'delete', 'execute', 'refer'];
const GUEST = 0;
const OWNER = 7;
const GROUP = 14;

function grants(caller, row, verb) {
	const has = (mask, shift) => Boolean(mask >> shift + VERBS.indexOf(verb) & 1);

	return caller.administrator ||
		has(row.permission, GUEST) ||
		caller.name !== 'guest' && caller.name === row.owner &&
			has(row.permission, OWNER) ||
		row.links.some((link) => caller.groups.includes(link.group) &&
			has(link.permission, GROUP));
}

/* The rows' door: 404 for what is not visible, 403 for what may not be done. */
function answerTo(caller, row, verb, success, invisible = 404) {
	if (!grants(caller, row, 'read'))
		return invisible;
	return grants(caller, row, verb) ? success : 403;
}

/* mulberry32 */
function generator(seed) {
	return () => {
		seed = seed + 0x6d2b79f5 | 0;
		let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
		t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
		return ((t ^ t >>> 14) >>> 0) / 4294967296;
	};
}

const random = generator(SEED);
const randomMask = () => Math.floor(random() * (ALL + 1));

function makeRows() {
	const rows = [];

	for (let bit = 0; bit < 21; bit++)
		for (const mask of [1 << bit, ALL ^ 1 << bit])
			rows.push({ permission: mask, owner: 'owner',
				links: [{ group: 'crew', permission: mask }] });
	for (let i = 0; i < RANDOM_MASKS; i++)
		rows.push({
			permission: randomMask(),
			owner: i % 8 ? 'owner' : null,
			links: [
				...i % 5 ? [{ group: 'crew', permission: randomMask() }] : [],
				...i % 3 ? [] : [{ group: 'nobody', permission: ALL }],
			],
		});
	return rows.map((row, number) => ({ ...row, number, id: randomUUID() }));
}

const rows = makeRows();
/* every single bit, and random ones from the far end */
const singles = [...rows.slice(0, 42), ...rows.slice(-(SINGLE_ROWS - 42))];
const tables = singles.map((row, i) => ({ ...row, name: `table${i}`,
	row: randomUUID() }));
const boxes = Array.from({ length: Math.ceil(rows.length / BOX_SIZE) },
	() => randomUUID());
const BIG = randomUUID(); /* the box that shows every thing */
const SPOKE = randomUUID();
/* machines, rows that have states, and their states: masks, and an open one */
const machines = singles.map((row) => ({ ...row, id: randomUUID() }));
const tracked = singles.map((row) => ({ ...row, id: randomUUID() }));
const states = singles.map((row) => ({ ...row, id: randomUUID() }));
const feeds = singles.map((row, i) => ({ ...row, id: randomUUID(), name: `feed${i}` }));
const MACHINE = randomUUID();
const TRACKED = randomUUID();

const SCHEMA = {
	Tables: ['thing', 'spare', 'box', 'holder', 'pointer', 'spoke', 'tracked',
		...tables.map((table) => table.name)].map((TableName) => ({
		TableName,
		Permission: ALL,
		DefaultPermission: ALL,
		IsStateTrackingEnabled: TableName === 'tracked',
		Columns: [
			{ ColumnName: 'name', ColumnType: 'label', DataType: 'varchar(50)' },
			{ ColumnName: 'number', ColumnType: 'measurement',
				DataType: 'int(11)', DefaultValue: '0' },
			{ ColumnName: 'scan', ColumnType: 'file.*', DataType: 'blob',
				IsNullable: true },
		],
	})),
	Relations: [
		relation('thing', 'things', 'box', 'box_id'),
		relation('holder', 'holders', 'thing', 'thing_id'),
		relation('pointer', 'pointers', 'thing', 'thing_id'),
		relation('box', 'shown_in', 'thing', 'shown', 'has_many'),
		...tables.flatMap(({ name }) => [
			relation(name, `${name}_rows`, 'box', 'box_id'),
			{ ...relation('spoke', `spokes_${name}`, name, `${name}_id`),
				OnDelete: 'set_null' }]),
	],
	Streams: [
		{ StreamName: 'seen', RootEntityName: 'thing' },
		{ StreamName: 'told', RootEntityName: 'thing',
			QueryParams: { query: ['[{"column":"number","operator":"lt","value":900}]'] },
			Transformations: [{ Operation: 'rename',
				Attributes: { OldName: 'number', NewName: 'title' } }] },
	],
	Actions: [
		action('touch', 'thing', false),
		...tables.map(({ name }) => action(`run_${name}`, 'thing', true)),
		...tables.map(({ name }) => action('touch', name, true)),
	],
};

function relation(Subject, SubjectName, Object, ObjectName, Relation = 'has_one') {
	return { Subject, SubjectName, Relation, Object, ObjectName };
}

function action(Name, OnType, InstanceOptional) {
	return { Name, Label: Name, OnType, InstanceOptional, Permission: ALL,
		InFields: [], OutFields: [{ Type: 'client.notify',
			Method: 'ACTIONRESPONSE', Attributes: { message: 'done' } }] };
}

const SHOWN = 'box_shown_in_has_thing_shown';

let instance;
let callers;

/* Setting up: rows by SQL, as many as are needed. */

function insert(table, columns, values) {
	for (let at = 0; at < values.length; at += 400)
		instance.psql(`INSERT INTO ${table} (${columns}) VALUES ` +
			values.slice(at, at + 400).join(','));
}

const joinTable = (table) => `${table}_${table}_id_has_usergroup_usergroup_id`;

/* `reference` is the SQL text of the row's number in its table. */
function link(table, linked, reference) {
	const values = linked.flatMap((row) => row.links.map((one) =>
		`(gen_random_uuid(), ${one.permission}, ${reference(row)}, ` +
		`(SELECT id FROM usergroup WHERE name = '${one.group}'))`));
	insert(joinTable(table), `reference_id, permission, ${table}_id, usergroup_id`,
		values);
}

const account = (name) => name
	? `(SELECT id FROM user_account WHERE email = '${name}@example.com')` : 'NULL';

function fillThings() {
	insert('box', 'reference_id, permission, name, number',
		[...boxes, BIG].map((id, number) =>
			`('${id}', ${ALL}, 'box', ${number})`));
	insert('thing', 'reference_id, permission, name, number, user_account_id, box_id',
		rows.map((row) => `('${row.id}', ${row.permission}, 'thing', ` +
			`${row.number}, ${account(row.owner)}, (SELECT id FROM box ` +
			`WHERE number = ${Math.floor(row.number / BOX_SIZE)}))`));
	link('thing', rows, (row) => `(SELECT id FROM thing WHERE number = ${row.number})`);
	instance.psql('INSERT INTO holder (reference_id, permission, name, number, ' +
		`thing_id) SELECT gen_random_uuid(), ${ALL}, 'holder', number, id FROM thing`);
	instance.psql(`INSERT INTO ${SHOWN} (reference_id, permission, shown_in, shown) ` +
		`SELECT gen_random_uuid(), ${ALL}, b.id, t.id FROM box b, thing t ` +
		`WHERE b.reference_id = '${BIG}'`);
}

/* A copy for every caller, to be deleted. */
function fillSpares() {
	for (const caller of callers) {
		caller.spares = singles.map((row) => ({ ...row, id: randomUUID() }));
		insert('spare', 'reference_id, permission, name, number, user_account_id',
			caller.spares.map((row) => `('${row.id}', ${row.permission}, ` +
				`'spare', ${row.number}, ${account(row.owner)})`));
		link('spare', caller.spares, (row) =>
			`(SELECT id FROM spare WHERE reference_id = '${row.id}')`);
	}
}

function fillTables() {
	instance.psql(tables.map((table) =>
		`UPDATE world SET permission = ${table.permission}, ` +
		`user_account_id = ${account(table.owner)} ` +
		`WHERE table_name = '${table.name}'; ` +
		`UPDATE action SET permission = ${table.permission}, ` +
		`user_account_id = ${account(table.owner)} ` +
		`WHERE action_name = 'run_${table.name}'; ` +
		`INSERT INTO ${table.name} (reference_id, permission, name, number, ` +
		`box_id) SELECT '${table.row}', ${ALL}, 'row', 1, id FROM box ` +
		`WHERE reference_id = '${BIG}'`).join(';'));
	link('world', tables, ({ name }) =>
		`(SELECT id FROM world WHERE table_name = '${name}')`);
	link('action', tables, ({ name }) =>
		`(SELECT id FROM action WHERE action_name = 'run_${name}')`);
	insert('spoke', `reference_id, permission, name, ${tables.map((table) =>
		`${table.name}_id`).join(',')}`, [`('${SPOKE}', ${ALL}, 'spoke', ` +
		`${tables.map(({ name }) => `(SELECT max(id) FROM ${name})`).join(',')})`]);
}

/* A machine whose only event leads nowhere else, so that it can be sent again. */
function fillMachines() {
	const everyone = { permission: ALL, owner: null, links: [] };
	const events = '[{"name":"stay","src":["here"],"dst":"here"}]';
	const fill = (table, rows, columns, values) => {
		insert(table, 'reference_id, permission, user_account_id, ' + columns,
			rows.map((row) => `('${row.id}', ${row.permission}, ` +
				`${account(row.owner)}, ${values})`));
		link(table, rows, (row) =>
			`(SELECT id FROM ${table} WHERE reference_id = '${row.id}')`);
	};

	fill('smd', [...machines, { ...everyone, id: MACHINE }],
		'name, label, initial_state, events',
		`'machine', 'machine', 'here', '${events}'`);
	fill('tracked', [...tracked, { ...everyone, id: TRACKED }], 'name', '\'tracked\'');
	fill('tracked_state', states, 'current_state, is_state_of_tracked, tracked_smd',
		`'here', (SELECT id FROM tracked WHERE reference_id = '${TRACKED}'), ` +
		`(SELECT id FROM smd WHERE reference_id = '${MACHINE}')`);
	instance.psql(`UPDATE world SET permission = ${ALL} ` +
		'WHERE table_name IN (\'smd\', \'tracked_state\')');
}

function fillFeeds() {
	const everyone = { permission: ALL, owner: null, links: [], id: randomUUID(),
		name: 'feed' };

	insert('feed', 'reference_id, permission, user_account_id, feed_name, enable, ' +
		'page_size, description, stream_id', [...feeds, everyone].map((row) =>
		`('${row.id}', ${row.permission}, ${account(row.owner)}, '${row.name}', ` +
		'true, 1000, \'\', (SELECT id FROM stream WHERE stream_name = \'told\'))'));
	link('feed', feeds, (row) => `(SELECT id FROM feed WHERE reference_id = '${row.id}')`);
}

/* One content, in all rows that are asked for their file. */
async function fillFiles() {
	await callers[0].client.made('spare', { name: 'file', scan: [fileOf('a', 'b')] });
	for (const table of ['thing', ...tables.map(({ name }) => name)])
		instance.psql(`UPDATE ${table} SET scan = ` +
			'(SELECT scan FROM spare WHERE name = \'file\')');
}

async function makeCallers() {
	const { guest, root } = await settle(instance);
	const MEMBERS = 'user_account_user_account_id_has_usergroup_usergroup_id';
	const made = [
		{ name: 'root', client: root, groups: [], administrator: true },
		{ name: 'guest', client: guest, groups: [] },
	];

	for (const [name, group] of [['owner', null], ['member', 'crew'],
		['other', 'idle']]) {
		const client = await member(instance, name, root);
		made.push({ name, client, groups: group ? [group] : [] });
		if (!group)
			continue;
		const { id } = await root.made('usergroup', { name: group });
		await root.made(MEMBERS, { usergroup_id: id,
			user_account_id: (await mine(client)).id });
	}
	await root.made('usergroup', { name: 'nobody' });
	return made;
}

before(async () => {
	instance = await startInstance();
	callers = await makeCallers();
	await callers[0].client.load('schema_oracle.json', JSON.stringify(SCHEMA));
	fillThings();
	fillSpares();
	fillTables();
	fillMachines();
	fillFeeds();
	await fillFiles();
	expect(await callers[0].client.action('world', 'restart_daptin'), 200);
});

after(() => instance?.stop());

/* Comparing. */

const same = (got, wanted, what) => assert.deepEqual(
	[...got].sort((a, b) => a - b), [...wanted].sort((a, b) => a - b), what);

const readable = (caller) => rows.filter((row) => grants(caller, row, 'read'))
	.map((row) => row.number);

const numbers = (data) => data.map((resource) => resource.attributes.number);

const queried = (...conditions) =>
	`query=${encodeURIComponent(JSON.stringify(conditions))}`;

const condition = (column, operator, value) => ({ column, operator, value });

/* All pages of a list, as one document; totals must be those of the rows. */
async function everything(caller, target) {
	const data = [];
	const included = [];

	for (let page = 1; ; page++) {
		const { json } = expect(await caller.client.get(`${target}` +
			`${target.includes('?') ? '&' : '?'}page[size]=${PAGE}&` +
			`page[number]=${page}`), 200);
		data.push(...json.data);
		included.push(...json.included ?? []);
		if (page >= json.links.last_page) {
			assert.equal(json.links.total, data.length, target);
			return { data, included };
		}
	}
}

/* Runs `check` for each of `list`, eight at a time. */
async function each(list, check) {
	const rest = [...list];

	await Promise.all(Array.from({ length: 8 }, async () => {
		while (rest.length)
			await check(rest.shift());
	}));
}

function described(caller, row, answer) {
	return `${caller.name} on ${JSON.stringify(row)}: ${answer.asked} ` +
		`${answer.text.slice(0, 300)}`;
}

function gives(caller, row, answer, status) {
	assert.equal(answer.status, status, described(caller, row, answer));
	return answer;
}

/*
 * Operations that are undone: the last one fails. What became of the first:
 * `success`, or the status of its refusal.
 */
async function undone(caller, operation, success) {
	const answer = await caller.client.post('/api/operations',
		{ 'atomic:operations': [operation,
			{ op: 'remove', ref: { type: 'box', id: NOWHERE } }] });
	const [error] = answer.json.errors;

	return { ...answer, status: error.source.pointer.startsWith(
		'/atomic:operations/1') ? success : answer.status };
}

/*
 * Doors of sets: a request answers for all rows. `route` is what the table of
 * routes has; `check` compares with the oracle.
 */
const SETS = [
	['a list, by pages', 'GET /api/{entity}', async (caller) => same(
		numbers((await everything(caller, '/api/thing')).data), readable(caller))],

	['a sorted list', 'GET /api/{entity}', async (caller) => assert.deepEqual(
		numbers((await everything(caller, '/api/thing?sort=-number')).data),
		readable(caller).reverse())],

	['a stream', 'GET /api/{entity}', async (caller) => same(
		numbers((await everything(caller, '/api/seen')).data), readable(caller))],

	['a feed', 'GET /feed/{name}', async (caller) => same(
		expect(await caller.client.get('/feed/feed.json'), 200).json.items
			.map((item) => Number(item.title)),
		readable(caller).filter((number) => number < 900))],

	['keyset pages', 'GET /api/{entity}', async (caller) => {
		const seen = [];
		for (let last = null; ;) {
			const { json } = expect(await caller.client.get('/api/thing?' +
				'sort=number&page[size]=700' +
				(last ? `&page[after]=${last}` : '')), 200);
			if (!json.data.length)
				break;
			seen.push(...numbers(json.data));
			last = json.data.at(-1).id;
		}
		assert.deepEqual(seen, readable(caller));
	}],

	['free text', 'GET /api/{entity}', async (caller) => same(
		numbers((await everything(caller, '/api/thing?filter=hin')).data),
		readable(caller))],

	['conditions with or', 'GET /api/{entity}', async (caller) => same(
		numbers((await everything(caller, '/api/thing?' + queried(
			{ ...condition('number', 'lt', 9999), logical_group: 'a' },
			{ ...condition('name', 'is', 'thing'), logical_group: 'a' }))).data),
		readable(caller))],

	['a filter through a relation', 'GET /api/{entity}', async (caller) => same(
		numbers((await everything(caller, '/api/holder?' + queried(
			condition('thing_id.name', 'is', 'thing')))).data),
		readable(caller))],

	['a key that is there', 'GET /api/{entity}', async (caller) => {
		const query = (operator) => '/api/holder?' +
			queried(condition('thing_id', operator));
		const seen = numbers((await everything(caller, query('is not null'))).data);
		const hidden = numbers((await everything(caller, query('is null'))).data);
		same(seen, readable(caller));
		assert.equal(seen.length + hidden.length, rows.length);
	}],

	['a key by its id', 'GET /api/{entity}', async (caller) => {
		const ids = singles.map((row) => row.id);
		const wanted = singles.filter((row) => grants(caller, row, 'read'))
			.map((row) => row.number);
		for (const text of [`thing_id=${ids.join(',')}`,
			queried(condition('thing_id', 'in', ids))])
			same(numbers((await everything(caller, `/api/holder?${text}`)).data),
				wanted);
	}],

	['a sort through a relation', 'GET /api/{entity}', async (caller) => {
		const seen = new Set(readable(caller));
		const { data } = await everything(caller, '/api/holder?sort=thing_id.number');
		const hidden = numbers(data).slice(seen.size);
		assert.deepEqual(numbers(data).slice(0, seen.size), readable(caller));
		assert.deepEqual(hidden, [...hidden].sort((a, b) => a - b),
			'what is hidden has no order of its own');
	}],

	['a to-one include, its linkage and key', 'GET /api/{entity}', async (caller) => {
		const { data, included } = await everything(caller,
			'/api/holder?included_relations=thing_id');
		const seen = new Set(readable(caller));
		same(numbers(included), seen);
		for (const holder of data) {
			const { number } = holder.attributes;
			const id = seen.has(number) ? rows[number].id : null;
			assert.equal(holder.attributes.thing_id, id);
			assert.equal(holder.relationships.thing_id.data?.id ?? null, id);
		}
	}],

	['to-many includes and their linkage', 'GET /api/{entity}', async (caller) => {
		const { data, included } = await everything(caller,
			'/api/box?included_relations=things&sort=number');
		same(numbers(included), readable(caller));
		same(data.flatMap((box) => box.relationships.things.data)
			.map(({ id }) => rows.find((row) => row.id === id).number),
		readable(caller));
	}],

	['an include of an include', 'GET /api/{entity}', async (caller) => {
		const { included } = await everything(caller,
			'/api/holder?included_relations=thing_id.box_id');
		const wanted = new Set(readable(caller).map((number) =>
			boxes[Math.floor(number / BOX_SIZE)]));
		assert.deepEqual(included.filter((one) => one.type === 'box')
			.map((one) => one.id).sort().filter((id, i, all) => id !== all[i - 1]),
		[...wanted].sort());
	}],

	['the related list by hand', 'GET /api/{entity}', async (caller) => same(
		numbers((await everything(caller,
			`/api/thing?box_id=${BIG}&boxName=shown`)).data),
		readable(caller))],

	['the related list of a join table', 'GET /api/{entity}/{id}/{relationship}',
		async (caller) => same(
			numbers((await everything(caller, `/api/box/${BIG}/shown`)).data),
			readable(caller))],

	['the related list of others\' keys', 'GET /api/{entity}/{id}/{relationship}',
		async (caller) => each(boxes.map((id, n) => ({ id, n })), async ({ id, n }) =>
			same(numbers((await everything(caller, `/api/box/${id}/things`)).data),
				readable(caller).filter((number) =>
					Math.floor(number / BOX_SIZE) === n)))],

	['linkage', 'GET /api/{entity}/{id}/relationships/{relationship}',
		async (caller) => {
			const ids = [];
			for (let page = 1; page <= Math.ceil(rows.length / PAGE); page++)
				ids.push(...expect(await caller.client.get(`/api/box/${BIG}/` +
					`relationships/shown?page[size]=${PAGE}&page[number]=${page}`),
				200).json.data.map((one) => one.id));
			assert.deepEqual(ids.sort(), rows.filter((row) =>
				grants(caller, row, 'read')).map((row) => row.id).sort());
		}],

	...['GET /aggregate/{entity}', 'POST /aggregate/{entity}', 'GET /stats/{entity}']
		.map((route) => ['figures', route, (caller) => figures(caller, route)]),
];

/* Counts and sums, by groups and through keys. */
async function figures(caller, route) {
	const [method, pattern] = route.split(' ');
	const ask = async (entity, query) => {
		const target = pattern.replace('{entity}', entity);
		const answer = method === 'GET'
			? await caller.client.get(`${target}?${query}`)
			: await caller.client.post(target, Object.fromEntries(
				[...new URLSearchParams(query)].map(([name, value]) =>
					[name, [value]])), { type: 'application/json' });
		if (caller.name === 'guest')
			return gives(caller, entity, answer, 403) && null;
		return expect(answer, 200).json.data.map((row) => row.attributes ?? row);
	};
	const seen = readable(caller);
	const sum = seen.reduce((a, b) => a + b, 0);

	for (const [entity, query] of [['thing', 'column=count,sum(number) as sum'],
		['holder', 'column=count(thing_id) as count,sum(thing_id.number) as sum']]) {
		const [row] = await ask(entity, query) ?? [];
		if (row)
			assert.deepEqual([row.count, Number(row.sum)], [seen.length, sum], entity);
	}
	const joined = await ask('box', 'column=count(thing.number) as count&' +
		'join=thing@eq(box_id,box.reference_id)');
	if (joined)
		assert.equal(joined[0].count, seen.length);
	const groups = await ask('holder', 'column=count&group=thing_id&' +
		'filter=lt(number,900)') ?? [];
	const visible = groups.filter((group) => group.thing_id !== null);
	if (caller.name !== 'guest')
		same(visible.map(({ thing_id: id }) =>
			rows.find((row) => row.id === id).number),
		seen.filter((number) => number < 900));
}

/* Doors of one row. */
const ITEMS = [
	['reading', 'GET /api/{entity}/{id}', async (caller, row) => {
		gives(caller, row, await caller.client.get(`/api/thing/${row.id}`),
			answerTo(caller, row, 'read', 200));
		gives(caller, row, await caller.client.request('HEAD', `/api/thing/${row.id}`),
			answerTo(caller, row, 'read', 200));
	}],

	['its file', 'GET /asset/{entity}/{id}/{column}', async (caller, row) => {
		for (const method of ['GET', 'HEAD'])
			gives(caller, row, await caller.client.request(method,
				`/asset/thing/${row.id}/scan`), answerTo(caller, row, 'read', 200));
	}],

	['what is linked to it', 'GET /api/{entity}', async (caller, row) => {
		const { data, links } = expect(await caller.client.get(
			`/api/box?shown=${row.id}&page[size]=1000`), 200).json;
		/* boxes of other tests may show it, too, but nobody who can't see it */
		const seen = grants(caller, row, 'read');
		assert.equal(links.total, data.length);
		assert.deepEqual([data.length > 0, data.some((box) => box.id === BIG)],
			[seen, seen], JSON.stringify(row));
	}],

	['what is related to it', 'GET /api/{entity}/{id}/{relationship}',
		async (caller, row) => gives(caller, row,
			await caller.client.get(`/api/thing/${row.id}/box_id`),
			answerTo(caller, row, 'read', 200))],

	['its links', 'GET /api/{entity}/{id}/relationships/{relationship}',
		async (caller, row) => gives(caller, row,
			await caller.client.get(`/api/thing/${row.id}/relationships/box_id`),
			answerTo(caller, row, 'read', 200))],

	['changing', 'PATCH /api/{entity}/{id}', async (caller, row) => gives(caller, row,
		await caller.client.update('thing', row.id, { name: 'thing' }),
		answerTo(caller, row, 'update', 200))],

	['sending a file', 'POST /asset/{entity}/{id}/{column}/upload',
		async (caller, row) => gives(caller, row, await caller.client.post(
			`/asset/thing/${row.id}/scan/upload?filename=a`, 'b', { type: 'text/plain' }),
		answerTo(caller, row, 'update', 200))],

	['changing by an operation', 'POST /api/operations', async (caller, row) =>
		gives(caller, row, await undone(caller, { op: 'update',
			data: { type: 'thing', id: row.id, attributes: { name: 'changed' } } },
		200), answerTo(caller, row, 'update', 200))],

	['deleting by an operation', 'POST /api/operations', async (caller, row) => {
		const spare = caller.spares[singles.indexOf(row)];
		gives(caller, spare, await undone(caller, { op: 'remove',
			ref: { type: 'spare', id: spare.id } }, 200),
		answerTo(caller, row, 'delete', 200));
	}],

	['deleting', 'DELETE /api/{entity}/{id}', async (caller, row) => {
		const spare = caller.spares[singles.indexOf(row)];
		gives(caller, spare, await caller.client.delete(`/api/spare/${spare.id}`),
			answerTo(caller, row, 'delete', 200));
	}],

	['executing', 'POST /action/{entity}/{action}', async (caller, row) => {
		for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'])
			gives(caller, row, await caller.client.request(method,
				'/action/thing/touch', { type: 'application/json',
					body: { attributes: { thing_id: row.id } } }),
			answerTo(caller, row, 'execute', 200));
	}],

	['referring in a new row', 'POST /api/{entity}', async (caller, row) => {
		const status = answerTo(caller, row, 'refer', 201, 422);
		gives(caller, row, await caller.client.create('pointer',
			{ name: 'pointer', thing_id: row.id }), status);
		gives(caller, row, await caller.client.create('pointer', { name: 'pointer' },
			{ thing_id: { data: { type: 'thing', id: row.id } } }), status);
	}],

	['referring in an operation', 'POST /api/operations', async (caller, row) =>
		gives(caller, row, await undone(caller, { op: 'add', data: { type: 'pointer',
			attributes: { name: 'pointer', thing_id: row.id } } }, 201),
		answerTo(caller, row, 'refer', 201, 422))],

	['pointing to it', 'PATCH /api/{entity}/{id}/relationships/{relationship}',
		async (caller, row) => {
			const { id } = await caller.client.made('pointer', { name: 'pointer' });
			const target = `/api/pointer/${id}/relationships/thing_id`;
			gives(caller, row, await caller.client.patch(target,
				{ data: { type: 'thing', id: row.id } }),
			answerTo(caller, row, 'refer', 204, 422));
		}],

	['linking it', 'POST /api/{entity}/{id}/relationships/{relationship}',
		async (caller, row) => {
			const box = await caller.client.made('box', { name: 'new' });
			const target = `/api/box/${box.id}/relationships/shown`;
			gives(caller, row, await caller.client.post(target,
				{ data: [{ type: 'thing', id: row.id }] }),
			answerTo(caller, row, 'refer', 204, 422));
		}],

	['taking it in by its own key', 'POST /api/{entity}/{id}/relationships/{relationship}',
		async (caller, row) => {
			const box = `/api/box/${boxes[Math.floor(row.number / BOX_SIZE)]}`;
			gives(caller, row, await caller.client.post(`${box}/relationships/things`,
				{ data: [{ type: 'thing', id: row.id }] }),
			answerTo(caller, row, 'update', 204, 422));
		}],

	['letting it go', 'DELETE /api/{entity}/{id}/relationships/{relationship}',
		async (caller, row) => {
			const target = `/api/box/${BIG}/relationships/shown`;
			const root = named('root').client;
			const data = [{ type: 'thing', id: row.id }];
			gives(caller, row, await caller.client.delete(target, { data }), 204);
			const left = expect(await root.get(`/stats/${SHOWN}?column=count&` +
				`filter=eq(shown,thing@${row.id})&filter=eq(shown_in,box@${BIG})`), 200);
			assert.equal(left.json.data[0].count, Number(!grants(caller, row, 'read')),
				described(caller, row, left));
			expect(await root.post(target, { data }), 204);
		}],
];

/* Machines and states need no Read, but tell of themselves only by it. */
function executes(caller, row) {
	if (grants(caller, row, 'execute'))
		return 200;
	return grants(caller, row, 'read') ? 403 : 404;
}

const starts = (caller, machine, subject) => caller.client.post(
	`/track/start/${machine}`, { typeName: 'tracked', referenceId: subject },
	{ type: 'application/json' });

const STATES = [
	['starting a machine', 'POST /track/start/{machine}', async (caller, i) =>
		gives(caller, machines[i], await starts(caller, machines[i].id, TRACKED),
			executes(caller, machines[i]))],

	['starting it for a row', 'POST /track/start/{machine}', async (caller, i) =>
		gives(caller, tracked[i], await starts(caller, MACHINE, tracked[i].id),
			answerTo(caller, tracked[i], 'read', 200))],

	['a feed, which Execute opens as well as Read', 'GET /feed/{name}',
		async (caller, i) => gives(caller, feeds[i],
			await caller.client.get(`/feed/${feeds[i].name}.rss`),
			grants(caller, feeds[i], 'execute') ||
				grants(caller, feeds[i], 'read') ? 200 : 404)],

	['an event of a state', 'POST /track/event/{entity}/{state}/{event}',
		async (caller, i) => gives(caller, states[i], await caller.client.post(
			`/track/event/tracked/${states[i].id}/stay`),
		executes(caller, states[i]))],
];

/* Doors of tables and actions, one for each of the masks. */
/* Whether the one row, which is open to all, is seen in its table. */
const sees = (caller, table) => grants(caller, table, 'read');

const TABLES = [
	['a list', 'GET /api/{entity}', async (caller, table) => {
		const answer = gives(caller, table, await caller.client.get(`/api/${table.name}`),
			grants(caller, table, 'peek') ? 200 : 403);
		if (answer.status === 200)
			assert.deepEqual([answer.json.data.length, answer.json.links.total],
				sees(caller, table) ? [1, 1] : [0, 0]);
	}],

	['a row', 'GET /api/{entity}/{id}', async (caller, table) => gives(caller, table,
		await caller.client.get(`/api/${table.name}/${table.row}`),
		!grants(caller, table, 'peek') ? 403 : sees(caller, table) ? 200 : 404)],

	['the file of a row', 'GET /asset/{entity}/{id}/{column}', async (caller, table) =>
		gives(caller, table,
			await caller.client.get(`/asset/${table.name}/${table.row}/scan`),
			!grants(caller, table, 'peek') ? 403 : sees(caller, table) ? 200 : 404)],

	['a new row', 'POST /api/operations', async (caller, table) => gives(caller, table,
		await undone(caller, { op: 'add',
			data: { type: table.name, attributes: { name: 'new' } } }, 201),
		grants(caller, table, 'create') ? 201 : 403)],

	['a new row', 'POST /api/{entity}', async (caller, table) => {
		if (!grants(caller, table, 'create'))
			gives(caller, table,
				await caller.client.create(table.name, { name: 'new' }), 403);
	}],

	['a changed row', 'PATCH /api/{entity}/{id}', async (caller, table) =>
		gives(caller, table, await caller.client.update(table.name, table.row,
			{ name: 'row' }), answerTo(caller, table, 'update', 200))],

	['a deleted row', 'DELETE /api/{entity}/{id}', async (caller, table) => {
		const status = answerTo(caller, table, 'delete', 200);
		gives(caller, table, await undone(caller,
			{ op: 'remove', ref: { type: table.name, id: table.row } }, 200), status);
		if (status !== 200)
			gives(caller, table, await caller.client.delete(
				`/api/${table.name}/${table.row}`), status);
	}],

	['figures', 'GET /aggregate/{entity}', async (caller, table) => {
		const allowed = caller.name !== 'guest' && grants(caller, table, 'peek') &&
			grants(caller, table, 'execute');
		for (const door of ['aggregate', 'stats']) {
			const answer = gives(caller, table,
				await caller.client.get(`/${door}/${table.name}`),
				allowed ? 200 : 403);
			if (allowed) {
				const [row] = answer.json.data;
				assert.equal((row.attributes ?? row).count,
					Number(sees(caller, table)));
			}
		}
	}],

	['figures of a joined table', 'GET /aggregate/{entity}', async (caller, table) =>
		gives(caller, table, await caller.client.get('/aggregate/box?column=count&' +
			`join=${table.name}@eq(number,box.number)`),
		caller.name === 'guest' ? 403 : sees(caller, table) &&
			grants(caller, table, 'execute') ? 200 : 400)],

	['its rows as related ones', 'GET /api/{entity}/{id}/{relationship}',
		async (caller, table) => same(numbers((await everything(caller,
			`/api/box/${BIG}/${table.name}_rows`)).data),
		sees(caller, table) ? [1] : [])],

	['its rows as linkage', 'GET /api/{entity}/{id}/relationships/{relationship}',
		async (caller, table) => assert.deepEqual(expect(await caller.client.get(
			`/api/box/${BIG}/relationships/${table.name}_rows`), 200).json.data,
		sees(caller, table) ? [{ type: table.name, id: table.row }] : [])],

	['its rows as includes', 'GET /api/{entity}/{id}', async (caller, table) => {
		const { json } = expect(await caller.client.get(`/api/spoke/${SPOKE}?` +
			`included_relations=${table.name}_id`), 200);
		const id = sees(caller, table) ? table.row : null;
		assert.equal(json.included?.[0].id ?? null, id);
		assert.equal(json.data.attributes[`${table.name}_id`], id);
		const { json: box } = expect(await caller.client.get(`/api/box/${BIG}?` +
			`included_relations=${table.name}_rows`), 200);
		assert.equal(box.included?.[0].id ?? null, id);
	}],

	['a path through it', 'GET /api/{entity}', async (caller, table) => {
		const status = sees(caller, table) ? 200 : 400;
		gives(caller, table, await caller.client.get('/api/spoke?' + queried(
			condition(`${table.name}_id.name`, 'is', 'row'))), status);
		gives(caller, table, await caller.client.get('/api/spoke?' +
			`sort=${table.name}_id.name`), status);
	}],

	['links to its rows', 'PATCH /api/{entity}/{id}/relationships/{relationship}',
		async (caller, table) => gives(caller, table,
			await caller.client.patch(
				`/api/spoke/${SPOKE}/relationships/${table.name}_id`,
				{ data: { type: table.name, id: table.row } }),
			204)],

	['an action of it', 'POST /action/{entity}/{action}', async (caller, table) =>
		gives(caller, table, await caller.client.action(table.name, 'touch'),
			grants(caller, table, 'execute') ? 200 : 403)],

	['an action', 'POST /action/{entity}/{action}', async (caller, action) =>
		gives(caller, action, await caller.client.action('thing',
			`run_${action.name}`), grants(caller, action, 'execute') ? 200 : 403)],
];

/* Routes that answer for all tables at once. */
const DOCUMENTS = [
	['the description of the API', 'GET /openapi.yaml', async (caller) => {
		const { text } = expect(await caller.client.get('/openapi.yaml'), 200);
		for (const table of tables) {
			const has = (path) => text.includes(`\n  ${path}:`) ||
				text.includes(`\n  "${path}":`);
			assert.equal(has(`/api/${table.name}`), sees(caller, table), table.name);
			assert.equal(has(`/action/thing/run_${table.name}`),
				grants(caller, table, 'execute'), `run_${table.name}`);
		}
	}],
];

/* Settings are no rows: administrators have them, nobody else does. */
const SETTINGS = [
	['all settings', 'GET /_config'],
	['a setting', 'POST /_config/{type}/{name}'],
	['a setting', 'PUT /_config/{type}/{name}'],
	['a setting', 'PATCH /_config/{type}/{name}'],
	['a setting', 'GET /_config/{type}/{name}'],
	['a setting', 'DELETE /_config/{type}/{name}'],
].map(([what, route]) => [what, route, async (caller) => {
	const [method, pattern] = route.split(' ');
	const target = pattern.replace('{type}', 'web').replace('{name}', 'oracle');
	gives(caller, route, await caller.client.request(method, target,
		method === 'GET' ? {} : { body: 'x', type: 'text/plain' }),
	caller.administrator ? 200 : 403);
}]);

/* Routes without rights of rows, tables or actions, and why. */
const WITHOUT = {
	'GET /action/{entity}/{action}': 'runs what is Safe only; action_test.js',
	'PUT /action/{entity}/{action}': 'as POST: asked above in one door',
	'PATCH /action/{entity}/{action}': 'as POST: asked above in one door',
	'DELETE /action/{entity}/{action}': 'as POST: asked above in one door',
	'GET /meta': 'column types, the same for everybody',
	'GET /jsmodel/{entity}': 'definitions are public, as Daptin\'s are',
	'GET /actions': 'the two actions of a form to sign in',
	'GET /recline_model': 'column types, the same for everybody',
	'GET /health': 'without caller and database',
	'GET /ready': 'without caller',
	'GET /ping': 'without caller and database',
	'GET /metrics': 'figures of processes, local only',
	'GET /statistics': 'figures of processes',
	'GET /system': 'the same under its name of 2020',
};

test('every route has a door here, or a reason', () => {
	const routes = execFileSync(ACTD, ['routes'], { encoding: 'utf8' }).trim()
		.split('\n').flatMap((line) => {
			const [pattern, methods] = line.split('\t');
			return methods.split(', ').map((method) => `${method} ${pattern}`);
		});
	const doors = new Set([...SETS, ...ITEMS, ...STATES, ...TABLES,
		...DOCUMENTS, ...SETTINGS]
		.map(([, route]) => route));

	assert.ok(routes.length > 20);
	assert.deepEqual(routes.filter((route) => !doors.has(route) && !WITHOUT[route]), []);
	for (const route of [...doors, ...Object.keys(WITHOUT)])
		assert.ok(routes.includes(route), `${route} is a route`);
});

const NAMES = ['root', 'owner', 'member', 'other', 'guest'];
const named = (name) => callers.find((caller) => caller.name === name);

for (const name of NAMES) {
	describe(`${name}, seed ${SEED}`, () => {
		for (const [what, route, check] of SETS)
			test(`all rows: ${what} (${route})`, () => check(named(name)));
		for (const [what, route, check] of TABLES)
			test(`${tables.length} tables: ${what} (${route})`, () =>
				each(tables, (table) => check(named(name), table)));
		for (const [what, route, check] of SETTINGS)
			test(`settings: ${what} (${route})`, () => check(named(name)));
		for (const [what, route, check] of DOCUMENTS)
			test(`all tables: ${what} (${route})`, () => check(named(name)));
		for (const [what, route, check] of ITEMS)
			test(`${singles.length} rows: ${what} (${route})`, () =>
				each(singles, (row) => check(named(name), row)));
		for (const [what, route, check] of STATES)
			test(`${singles.length} rows: ${what} (${route})`, () =>
				each(singles.keys(), (i) => check(named(name), i)));
	});
}
