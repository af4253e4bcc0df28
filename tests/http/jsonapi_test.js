/*
 * jsonapi_test.js: the data API: rows, pages, sorts, filters, relations and
 * the statuses of refusals.
 */
'use strict';

const assert = require('node:assert/strict');
const { after, before, describe, test } = require('node:test');
const { startInstance } = require('./lib/instance.js');
const { Client, JSON_API, NOWHERE, expect, mine, refused, schemaFile, settle } =
	require('./lib/client.js');

let instance;
let guest;
let root;
let alice;
let bob;
let shelves;
let tags;
let things;

const THINGS = [
	{ title: 'Anvil', quantity: 5, price: '10.50', note: 'heavy 100%', done: true,
		kind: 'fancy', code: 'A-1', made_at: '2020-01-01T00:00:00Z' },
	{ title: 'Bell', quantity: 3, price: '2.25', note: 'rings', done: false,
		code: 'B-1', made_at: '2021-06-15T12:30:00Z' },
	{ title: 'Candle', quantity: 12, price: '0.99', note: null, done: false,
		code: 'C_1', made_at: '2022-02-02T02:02:02Z' },
	{ title: 'Drum', quantity: 1, price: '99.00', note: 'loud', done: true },
	{ title: 'bell jar', quantity: 7, price: '15.00', note: 'glass', done: false,
		kind: 'fancy' },
];

before(async () => {
	instance = await startInstance();
	({ guest, root, alice, bob } = await settle(instance));
	await root.load('schema_shop.yaml', schemaFile('schema_shop.yaml'));
	shelves = [];
	for (const label of ['low', 'high'])
		shelves.push(await alice.made('shelf', { label }));
	tags = [];
	for (const word of ['old', 'new', 'odd'])
		tags.push(await alice.made('tag', { word }));
	things = [];
	for (const [index, attributes] of THINGS.entries())
		things.push(await alice.made('thing', attributes, index < 3
			? { shelf_id: { data: { type: 'shelf', id: shelves[index % 2].id } } }
			: undefined));
});

after(() => instance?.stop());

const titles = (answer) => answer.json.data.map((row) => row.attributes.title);

async function list(parameters, client = alice) {
	const query = new URLSearchParams(parameters);
	return expect(await client.get(`/api/thing?${query}`), 200);
}

const reference = (row) => ({ type: row.type, id: row.id });

/* The titles that a query finds, sorted. */
async function found(query) {
	return titles(await list({ query: JSON.stringify(query) })).sort();
}

async function relatedTo(target, client = alice) {
	return expect(await client.get(target), 200).json.data;
}

describe('rows', () => {
	test('a created row comes back whole, with its place', async () => {
		const answer = expect(await alice.create('thing', { title: ' Egg ',
			quantity: 2 }), 201);
		const { data } = answer.json;
		assert.match(answer.headers.get('content-type'), /^application\/vnd\.api\+json/);
		assert.equal(answer.headers.get('location'), `/api/thing/${data.id}`);
		assert.match(data.id, /^[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-/);
		assert.equal(data.type, 'thing');
		const { attributes } = data;
		assert.equal(attributes.__type, 'thing');
		assert.equal(attributes.title, 'Egg');
		assert.equal(attributes.quantity, 2);
		assert.equal(attributes.kind, 'plain');
		assert.equal(attributes.done, false);
		assert.equal(attributes.reference_id, data.id);
		assert.equal(attributes.permission, 16256);
		assert.equal(attributes.user_account_id, (await mine(alice)).id);
		assert.match(attributes.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
		assert.ok(!('id' in attributes));
		assert.ok(!('version' in attributes));
		assert.ok(!('inner_note' in attributes));
		const read = expect(await alice.get(`/api/thing/${data.id}`), 200);
		assert.deepEqual(read.json.data, data);
		expect(await alice.delete(`/api/thing/${data.id}`), 200);
	});

	test('relationships are objects, empty lists and nulls', async () => {
		const { data } = expect(
			await alice.get(`/api/thing/${things[0].id}`), 200).json;
		assert.deepEqual(data.relationships.shelf_id.data, reference(shelves[0]));
		assert.equal(data.attributes.shelf_id, shelves[0].id);
		assert.deepEqual(data.relationships.tags.data, []);
		assert.deepEqual(data.relationships.usergroup_id.data, []);
		assert.deepEqual(data.relationships.user_account_id.data,
			{ type: 'user_account', id: (await mine(alice)).id });
		const bare = expect(await alice.get(`/api/thing/${things[3].id}`), 200).json;
		assert.equal(bare.data.relationships.shelf_id.data, null);
	});

	test('an update changes what it names and nothing else', async () => {
		const { id } = await alice.made('thing', { title: 'Fan', quantity: 2,
			note: 'cool' });
		const { data } = expect(
			await alice.update('thing', id, { quantity: 9 }), 200).json;
		assert.equal(data.attributes.quantity, 9);
		assert.equal(data.attributes.title, 'Fan');
		assert.equal(data.attributes.note, 'cool');
		const cleared = expect(
			await alice.update('thing', id, { note: null }), 200).json;
		assert.equal(cleared.data.attributes.note, null);
		expect(await alice.delete(`/api/thing/${id}`), 200);
	});

	test('a to-one link is set and cleared by attribute and by relationship', async () => {
		const { id } = await alice.made('thing', { title: 'Gate',
			shelf_id: shelves[0].id });
		const shelfOf = (answer) =>
			expect(answer, 200).json.data.attributes.shelf_id;
		assert.equal(shelfOf(await alice.get(`/api/thing/${id}`)), shelves[0].id);
		assert.equal(shelfOf(await alice.update('thing', id, {},
			{ shelf_id: { data: reference(shelves[1]) } })), shelves[1].id);
		assert.equal(shelfOf(await alice.update('thing', id, {},
			{ shelf_id: { data: null } })), null);
		assert.equal(shelfOf(await alice.update('thing', id,
			{ shelf_id: shelves[0].id })), shelves[0].id);
		assert.equal(shelfOf(await alice.update('thing', id,
			{ shelf_id: null })), null);
		expect(await alice.delete(`/api/thing/${id}`), 200);
	});

	test('a create links to-many rows', async () => {
		const { id } = await alice.made('thing', { title: 'Hat' },
			{ tags: { data: [reference(tags[0]), reference(tags[1])] } });
		const linked = await relatedTo(`/api/thing/${id}/tags`);
		assert.deepEqual(linked.map((row) => row.attributes.word).sort(),
			['new', 'old']);
		expect(await alice.delete(`/api/thing/${id}`), 200);
	});

	test('a delete answers 200 with meta, and the row is gone', async () => {
		const { id } = await alice.made('thing', { title: 'Ink' },
			{ tags: { data: [reference(tags[0])] } });
		const answer = expect(await alice.delete(`/api/thing/${id}`), 200);
		assert.deepEqual(answer.json, { meta: null });
		refused(await alice.get(`/api/thing/${id}`), 404);
		refused(await alice.delete(`/api/thing/${id}`), 404);
	});

	test('a row that others need can\'t be deleted', async () => {
		const answer = refused(
			await alice.delete(`/api/shelf/${shelves[0].id}`), 409);
		assert.match(answer.text, /thing/);
	});

	test('/api/user_account/mine is the caller\'s own account', async () => {
		const account = await mine(alice);
		assert.equal(account.attributes.email, 'alice@example.com');
		const changed = await alice.patch('/api/user_account/mine',
			{ data: { type: 'user_account', id: account.id,
				attributes: { name: 'Alice' } } });
		expect(changed, 200);
		assert.equal((await mine(alice)).attributes.name, 'Alice');
		const guests = await guest.get('/api/user_account/mine');
		assert.ok([401, 403, 404].includes(guests.status), guests.text);
	});

	test('/api/user is an alias of user_account', async () => {
		expect(await alice.get('/api/user/mine'), 200);
	});

	test('passwords and cipher texts come out blank', async () => {
		const { id } = await alice.made('thing', { title: 'Jug', pin: 'my pin 1',
			cipher: 'my cipher' });
		for (const target of [`/api/thing/${id}`, '/api/thing?page[size]=100']) {
			const answer = expect(await alice.get(target), 200);
			assert.doesNotMatch(answer.text, /my pin|my cipher|\$2[aby]\$/);
		}
		const { attributes } = expect(
			await alice.get(`/api/thing/${id}`), 200).json.data;
		assert.equal(attributes.pin || '', '');
		assert.equal(attributes.cipher || '', '');
		const stored = instance.psql('SELECT pin, cipher FROM thing ' +
			`WHERE reference_id = '${id}'`);
		assert.match(stored, /^\$2[aby]\$/);
		assert.doesNotMatch(stored, /my cipher/);
		expect(await alice.delete(`/api/thing/${id}`), 200);
	});
});

describe('lists', () => {
	test('a page and its links count as Daptin counts', async () => {
		const { json } = await list({ 'page[size]': '2', 'page[number]': '2' });
		const { links } = json;
		assert.equal(json.data.length, 2);
		assert.equal(links.total, 5);
		assert.equal(links.per_page, 2);
		assert.equal(links.current_page, 2);
		assert.equal(links.last_page, 3);
		assert.equal(links.from, 2);
		assert.equal(links.to, 4);
		for (const name of ['first_page_url', 'prev_page_url', 'next_page_url',
			'last_page_url'])
			assert.match(links[name], /^\/api\/thing\?/, name);
		assert.equal(titles(expect(await alice.get(links.next_page_url), 200)).length, 1);
	});

	test('the last page has no next, an empty list no last', async () => {
		const { links } = (await list({ 'page[size]': '2', 'page[number]': '3' })).json;
		assert.ok(!links.next_page_url, JSON.stringify(links));
		const none = (await list({ query: JSON.stringify(
			[{ column: 'title', operator: 'is', value: 'x' }]) })).json;
		assert.deepEqual(none.data, []);
		assert.equal(none.links.total, 0);
		assert.equal(none.links.last_page, 0);
		assert.ok(!none.links.next_page_url && !none.links.last_page_url);
	});

	test('pages cover each row once', async () => {
		const seen = [];
		for (let page = 1; page <= 3; page++)
			seen.push(...titles(await list({ 'page[size]': '2',
				'page[number]': String(page) })));
		assert.deepEqual(seen.sort(), THINGS.map((row) => row.title).sort());
	});

	test('page[offset] and page[limit] page as well', async () => {
		const all = titles(await list({}));
		assert.deepEqual(titles(await list({ 'page[offset]': '1',
			'page[limit]': '2' })), all.slice(1, 3));
	});

	test('page[after] and page[before] go on from a row, on any sort', async () => {
		for (const sort of ['title', '-title', 'quantity', '-quantity', 'note']) {
			const all = (await list({ sort })).json.data.map((row) => row.id);
			const later = (await list({ sort, 'page[after]': all[1],
				'page[size]': '2' })).json.data.map((row) => row.id);
			assert.deepEqual(later, all.slice(2, 4), `after, ${sort}`);
			const earlier = (await list({ sort, 'page[before]': all[3],
				'page[size]': '2' })).json.data.map((row) => row.id);
			assert.deepEqual(earlier, all.slice(1, 3), `before, ${sort}`);
		}
	});

	test('page[total] says how to count', async () => {
		assert.equal((await list({ 'page[total]': 'exact' })).json.links.total, 5);
		assert.equal((await list({ 'page[total]': 'none' })).json.links.total
			?? null, null);
		refused(await alice.get('/api/thing?page[total]=guess'), 400);
	});

	test('a page of more than 1,000 rows is cut, and says so', async () => {
		assert.equal((await list({ 'page[size]': '5000' })).json.links.per_page, 1000);
		assert.equal((await list({ 'page[size]': '0' })).json.links.per_page, 1);
	});

	test('sorts go up, down, by several columns and over a relation', async () => {
		const sorted = async (sort) => titles(await list({ sort }));
		assert.deepEqual(await sorted('quantity'),
			['Drum', 'Bell', 'Anvil', 'bell jar', 'Candle']);
		assert.deepEqual(await sorted('-quantity'),
			['Candle', 'bell jar', 'Anvil', 'Bell', 'Drum']);
		assert.deepEqual(await sorted('+quantity'),
			['Drum', 'Bell', 'Anvil', 'bell jar', 'Candle']);
		assert.deepEqual(await sorted('done,-price'),
			['bell jar', 'Bell', 'Candle', 'Drum', 'Anvil']);
		assert.deepEqual((await sorted('shelf_id.label,title')).slice(0, 3),
			['Bell', 'Anvil', 'Candle']);
	});

	test('fields leaves out what it does not name', async () => {
		const [row] = (await list({ fields: 'title', sort: 'title' })).json.data;
		assert.equal(row.attributes.title, 'Anvil');
		for (const name of ['permission', 'reference_id', 'user_account_id'])
			assert.ok(name in row.attributes, name);
		for (const name of ['quantity', 'note', 'price'])
			assert.ok(!(name in row.attributes), name);
		const [sparse] = (await list({ 'fields[thing]': 'title,quantity',
			sort: 'title' })).json.data;
		assert.equal(sparse.attributes.quantity, 5);
		assert.ok(!('note' in sparse.attributes));
	});

	test('filter finds text in any case', async () => {
		assert.deepEqual(titles(await list({ filter: 'BELL' })).sort(),
			['Bell', 'bell jar']);
		assert.deepEqual(titles(await list({ filter: '%' })), []);
	});

	test('a relation\'s name filters by its row', async () => {
		assert.deepEqual(titles(await list({ shelf_id: shelves[0].id })).sort(),
			['Anvil', 'Candle']);
		assert.deepEqual(titles(await list({ shelf_id: NOWHERE })), []);
	});

	test('lists hold only visible rows, and count them', async () => {
		const { json } = await list({}, bob);
		assert.deepEqual(json.data, []);
		assert.equal(json.links.total, 0);
		assert.equal((await list({}, root)).json.links.total, 5);
	});
});

describe('query', () => {
	const cases = [
		['title', 'is', 'Bell', ['Bell']],
		['title', 'eq', 'Bell', ['Bell']],
		['title', 'is not', 'Bell', ['Anvil', 'Candle', 'Drum', 'bell jar']],
		['title', 'neq', 'Bell', ['Anvil', 'Candle', 'Drum', 'bell jar']],
		['title', 'contains', 'ell', ['Bell', 'bell jar']],
		['title', 'contains', '%ell%', ['Bell', 'bell jar']],
		['title', 'not contains', 'ell', ['Anvil', 'Candle', 'Drum']],
		['title', 'like', 'B%', ['Bell']],
		['title', 'ilike', 'b%', ['Bell', 'bell jar']],
		['title', 'not like', 'B%', ['Anvil', 'Candle', 'Drum', 'bell jar']],
		['title', 'not ilike', 'b%', ['Anvil', 'Candle', 'Drum']],
		['title', 'notLike', 'B%', ['Anvil', 'Candle', 'Drum', 'bell jar']],
		['title', 'iLike', 'b%', ['Bell', 'bell jar']],
		['title', 'notILike', 'b%', ['Anvil', 'Candle', 'Drum']],
		['title', 'regexpLike', '^b.l+( |$)', ['bell jar']],
		['title', 'regexpNotLike', '^[AB]', ['Candle', 'Drum', 'bell jar']],
		['title', 'regexpILike', '^b.l+( |$)', ['Bell', 'bell jar']],
		['title', 'regexpNotILike', '^[ab]', ['Candle', 'Drum']],
		['quantity', 'regexpLike', '^1', ['Candle', 'Drum']],
		['title', 'begins with', 'Can', ['Candle']],
		['title', 'ends with', 'um', ['Drum']],
		['made_at', 'before', '2021-01-01T00:00:00Z', ['Anvil']],
		['made_at', 'after', '2022-01-01T00:00:00Z', ['Candle']],
		['quantity', 'more then', 5, ['Candle', 'bell jar']],
		['quantity', 'less then', 3, ['Drum']],
		['quantity', 'more than', '5', ['Candle', 'bell jar']],
		['quantity', 'less than', '3', ['Drum']],
		['quantity', 'gt', 7, ['Candle']],
		['quantity', 'gte', 7, ['Candle', 'bell jar']],
		['quantity', 'lt', 3, ['Drum']],
		['quantity', 'lte', 3, ['Bell', 'Drum']],
		['quantity', 'in', [1, 12], ['Candle', 'Drum']],
		['quantity', 'notIn', [1, 12], ['Anvil', 'Bell', 'bell jar']],
		['quantity', 'between', [3, 7], ['Anvil', 'Bell', 'bell jar']],
		['quantity', 'notBetween', [3, 7], ['Candle', 'Drum']],
		['quantity', 'notBetween', '3,7', ['Candle', 'Drum']],
		['title', 'any of', 'Bell,Drum', ['Bell', 'Drum']],
		['title', 'any of', ['Bell', 'Drum'], ['Bell', 'Drum']],
		['title', 'none of', ['Bell', 'Drum'], ['Anvil', 'Candle', 'bell jar']],
		['note', 'is empty', '', ['Candle']],
		['note', 'is not empty', '', ['Anvil', 'Bell', 'Drum', 'bell jar']],
		['note', 'is', null, ['Candle']],
		['done', 'is true', '', ['Anvil', 'Drum']],
		['done', 'is false', '', ['Bell', 'Candle', 'bell jar']],
		['done', 'is', true, ['Anvil', 'Drum']],
		['done', 'is', 'true', ['Anvil', 'Drum']],
		['price', 'is', '10.50', ['Anvil']],
		['price', 'lt', 1, ['Candle']],
		['kind', 'is', 'fancy', ['Anvil', 'bell jar']],
		['title,note', 'fuzzy_any', 'bell loud', ['Bell', 'Drum', 'bell jar']],
		['title,note', 'fuzzy_all', 'bell glass', ['bell jar']],
	];
	for (const [column, operator, value, expected] of cases) {
		test(`${column} ${operator} ${JSON.stringify(value)} finds what it says`,
			async () => {
				assert.deepEqual(await found([{ column, operator, value }]), expected);
			});
	}

	test('entries hold together, a logical_group holds by one', async () => {
		assert.deepEqual(await found([
			{ column: 'done', operator: 'is', value: false },
			{ column: 'quantity', operator: 'gt', value: 3 }]),
		['Candle', 'bell jar']);
		assert.deepEqual(await found([
			{ column: 'title', operator: 'is', value: 'Bell', logical_group: 'a' },
			{ column: 'title', operator: 'is', value: 'Drum', logical_group: 'a' },
			{ column: 'done', operator: 'is', value: true }]), ['Drum']);
	});

	test('a query counts in the total', async () => {
		const { json } = await list({ query: JSON.stringify(
			[{ column: 'done', operator: 'is', value: true }]) });
		assert.equal(json.links.total, 2);
	});

	test('foreign keys and ids compare with reference ids', async () => {
		assert.deepEqual(await found([{ column: 'shelf_id', operator: 'is',
			value: shelves[1].id }]), ['Bell']);
		assert.deepEqual(await found([{ column: 'reference_id', operator: 'is',
			value: things[3].id }]), ['Drum']);
	});

	test('a dotted path filters over a to-one relation', async () => {
		assert.deepEqual(await found([{ column: 'shelf_id.label', operator: 'is',
			value: 'low' }]), ['Anvil', 'Candle']);
	});

	test('the Rails form is the same query', async () => {
		for (const index of ['0', '']) {
			const name = (member) => `query[${index}][${member}]`;
			const answer = await list({ [name('column')]: 'title',
				[name('operator')]: 'is', [name('value')]: 'Bell' });
			assert.deepEqual(titles(answer), ['Bell']);
		}
		const two = await list({ 'query[0][column]': 'done',
			'query[0][operator]': 'is', 'query[0][value]': 'true',
			'query[1][column]': 'quantity', 'query[1][operator]': 'gt',
			'query[1][value]': '3' });
		assert.deepEqual(titles(two), ['Anvil']);
	});

	test('a pattern that is none names its column', async () => {
		for (const operator of ['regexpLike', 'regexpNotLike', 'regexpILike',
			'regexpNotILike'])
			for (const value of ['(', '[', 'a{2,1}', '*', '\\', 'a{99999}']) {
				const { json } = refused(await alice.get('/api/thing?query=' +
					encodeURIComponent(JSON.stringify([
						{ column: 'title', operator, value },
						{ column: 'quantity', operator: 'gt', value: 0 }]))), 400);
				assert.match(json.errors[0].detail, /title$/);
				assert.equal(json.errors[0].source.parameter, 'query');
			}
		refused(await alice.get('/api/thing?query=' + encodeURIComponent(JSON.stringify(
			[{ column: 'quantity', operator: 'notBetween', value: [1] }]))), 400);
	});

	test('a key matches a pattern by its reference id', async () => {
		assert.deepEqual(await found([{ column: 'shelf_id', operator: 'like',
			value: `${shelves[1].id.slice(0, 30)}%` }]), ['Bell']);
		assert.deepEqual(await found([{ column: 'shelf_id', operator: 'regexpLike',
			value: `^${shelves[1].id}$` }]), ['Bell']);
	});

	test('only what is true or false is asked for it', async () => {
		for (const operator of ['is true', 'is false'])
			for (const column of ['title', 'quantity', 'shelf_id', 'made_at'])
				refused(await alice.get('/api/thing?query=' + encodeURIComponent(
					JSON.stringify([{ column, operator }]))), 400);
	});
});

describe('relations', () => {
	test('rows are found by what they are linked to, and by how', async () => {
		await root.load('schema_linked.yaml', JSON.stringify({ Tables: [
			{ TableName: 'linked', Permission: 2097151, DefaultPermission: 2097151,
				Columns: [{ ColumnName: 'name', ColumnType: 'label', DataType: 'varchar(20)' }] }],
		Relations: [{ Subject: 'linked', Relation: 'has_many', Object: 'tag',
			SubjectName: 'linked_by', ObjectName: 'tags', Columns: [
				{ ColumnName: 'role', ColumnType: 'label', DataType: 'varchar(20)', IsNullable: true },
				{ ColumnName: 'rank', ColumnType: 'measurement', DataType: 'int(11)', IsNullable: true }] }] }));
		const link = (tag, attributes) => ({ ...reference(tag), attributes });
		await alice.made('linked', { name: 'a' }, { tags: { data: [
			link(tags[0], { role: 'main', rank: 1 }), link(tags[1], { role: 'side', rank: 2 })] } });
		await alice.made('linked', { name: 'b' }, { tags: { data: [link(tags[1], { role: 'main' })] } });
		await alice.made('linked', { name: 'c' });
		const found = async (value) => {
			const query = new URLSearchParams({ tags: value, sort: 'name' });
			const { json } = expect(await alice.get(`/api/linked?${query}`), 200);
			assert.equal(json.links.total, json.data.length);
			return json.data.map((row) => row.attributes.name).join('');
		};

		assert.equal(await found(tags[0].id), 'a');
		assert.equal(await found(tags[1].id), 'ab');
		assert.equal(await found(`${tags[0].id},${tags[1].id}`), 'ab');
		assert.equal(await found(tags[2].id), '');
		assert.equal(await found(NOWHERE), '');
		assert.equal(await found(`${tags[1].id}@(role:main)`), 'b');
		assert.equal(await found(`${tags[1].id}@(role:main|side)`), 'ab');
		assert.equal(await found(`${tags[1].id}@(role:main|side&rank:2)`), 'a');
		assert.equal(await found(`${tags[2].id},${tags[0].id}@(rank:1)`), 'a');
		for (const value of ['x', `${tags[0].id}@role:main`, `${tags[0].id}@(role)`,
			`${tags[0].id}@(nothing:1)`, `${tags[0].id}@(rank:one)`, `${tags[0].id}@(role:main)x`,
			`${tags[0].id},`])
			refused(await alice.get(`/api/linked?tags=${encodeURIComponent(value)}`), 400);
	});

	test('included_relations brings to-one rows once', async () => {
		const { json } = await list({ included_relations: 'shelf_id' });
		assert.deepEqual(json.included.map((row) => row.attributes.label).sort(),
			['high', 'low']);
		const starred = (await list({ included_relations: '*' })).json.included;
		assert.ok(starred.some((row) => row.type === 'shelf'));
		assert.equal((await list({})).json.included, undefined);
		const one = expect(await alice.get(`/api/thing/${things[0].id}` +
			'?included_relations=shelf_id'), 200).json;
		assert.equal(one.included[0].id, shelves[0].id);
	});

	test('linkage routes add, replace and remove', async () => {
		const { id } = await alice.made('thing', { title: 'Key' });
		const route = `/api/thing/${id}/relationships/tags`;
		const words = async () => (await relatedTo(`/api/thing/${id}/tags`))
			.map((row) => row.attributes.word).sort();
		expect(await alice.post(route, { data: [reference(tags[0])] }), 200, 204);
		expect(await alice.post(route, { data: [reference(tags[1])] }), 200, 204);
		assert.deepEqual(await words(), ['new', 'old']);
		const linkage = expect(await alice.get(route), 200).json.data;
		assert.deepEqual(linkage.map((one) => one.id).sort(),
			[tags[0].id, tags[1].id].sort());
		expect(await alice.post(route, { data: [reference(tags[0])] }), 200, 204);
		assert.deepEqual(await words(), ['new', 'old'], 'adding twice');
		expect(await alice.delete(route, { data: [{ id: tags[0].id }] }), 200, 204);
		assert.deepEqual(await words(), ['new'], 'removed without a type');
		expect(await alice.patch(route,
			{ data: [reference(tags[0]), reference(tags[2])] }), 200, 204);
		assert.deepEqual(await words(), ['odd', 'old'], 'replaced');
		expect(await alice.patch(route, { data: [] }), 200, 204);
		assert.deepEqual(await words(), []);
		expect(await alice.delete(`/api/thing/${id}`), 200);
	});

	test('the linkage route of a to-one relation sets and clears it', async () => {
		const { id } = await alice.made('thing', { title: 'Lid' });
		const route = `/api/thing/${id}/relationships/shelf_id`;
		expect(await alice.patch(route, { data: reference(shelves[0]) }), 200, 204);
		assert.deepEqual(expect(await alice.get(route), 200).json.data,
			reference(shelves[0]));
		expect(await alice.patch(route, { data: null }), 200, 204);
		assert.equal(expect(await alice.get(route), 200).json.data, null);
		expect(await alice.delete(`/api/thing/${id}`), 200);
	});

	test('included to-many rows fill the linkage', async () => {
		const { id } = await alice.made('thing', { title: 'Mug' },
			{ tags: { data: [reference(tags[0]), reference(tags[2])] } });
		const { data, included } = expect(await alice.get(
			`/api/thing/${id}?included_relations=tags`), 200).json;
		assert.deepEqual(data.relationships.tags.data.map((one) => one.id).sort(),
			[tags[0].id, tags[2].id].sort());
		assert.deepEqual(included.map((row) => row.attributes.word).sort(),
			['odd', 'old']);
		expect(await alice.delete(`/api/thing/${id}`), 200);
	});

	test('related lists are an object or null to one, an array to many', async () => {
		const one = await relatedTo(`/api/thing/${things[0].id}/shelf_id`);
		assert.equal(one.id, shelves[0].id);
		assert.equal(await relatedTo(`/api/thing/${things[3].id}/shelf_id`), null);
		const many = await relatedTo(`/api/shelf/${shelves[0].id}/things`);
		assert.deepEqual(many.map((row) => row.attributes.title).sort(),
			['Anvil', 'Candle']);
		assert.deepEqual(await relatedTo(`/api/shelf/${shelves[0].id}/things` +
			'?sort=-title&page[size]=1&page[number]=1')
			.then((rows) => rows.map((row) => row.attributes.title)), ['Candle']);
	});

	test('Daptin\'s parameters of a related list work on the list', async () => {
		const answer = await list({ shelf_id: shelves[0].id, shelfName: 'things' });
		assert.deepEqual(titles(answer).sort(), ['Anvil', 'Candle']);
	});
});

describe('refusals', () => {
	const refusals = [
		['an unknown entity', 404, () => alice.get('/api/nothing')],
		['an unknown row', 404, () => alice.get(`/api/thing/${NOWHERE}`)],
		['an id that is none', 404, () => alice.get('/api/thing/12')],
		['an update of an unknown row', 404,
			() => alice.update('thing', NOWHERE, { title: 'x' })],
		['a delete of an unknown row', 404,
			() => alice.delete(`/api/thing/${NOWHERE}`)],
		['a related list of an unknown relation', 404,
			() => alice.get(`/api/thing/${things[0].id}/nothing`)],
		['a related list of an unknown row', 404,
			() => alice.get(`/api/shelf/${NOWHERE}/things`)],
		['a linkage of an unknown relation', 404,
			() => alice.get(`/api/thing/${things[0].id}/relationships/nothing`)],
		['an unknown sort', 400, () => alice.get('/api/thing?sort=nothing')],
		['an unknown field', 400, () => alice.get('/api/thing?fields=nothing')],
		['an unknown sparse field', 400,
			() => alice.get('/api/thing?fields[thing]=nothing')],
		['an unknown include', 400,
			() => alice.get('/api/thing?included_relations=nothing')],
		['an unknown column in a query', 400, () => alice.get('/api/thing?query=' +
			encodeURIComponent('[{"column":"x","operator":"is","value":"1"}]'))],
		['an unknown operator', 400, () => alice.get('/api/thing?query=' +
			encodeURIComponent('[{"column":"title","operator":"x","value":"1"}]'))],
		['a query that is no list', 400, () => alice.get('/api/thing?query=abc')],
		['a broken query', 400, () => alice.get('/api/thing?query=[{')],
		['a sort by a password', 400, () => alice.get('/api/thing?sort=pin')],
		['a sort by a cipher text', 400, () => alice.get('/api/thing?sort=cipher')],
		['a sort by a hidden column', 400,
			() => alice.get('/api/thing?sort=inner_note')],
		['a filter by a password', 400, () => alice.get('/api/thing?query=' +
			encodeURIComponent('[{"column":"pin","operator":"like","value":"$2%"}]'))],
		['a unique value again', 409,
			() => alice.create('thing', { title: 'x', code: 'A-1' })],
		['an enum value that is none', 422,
			() => alice.create('thing', { title: 'x', kind: 'ugly' })],
		['an empty required value', 422, () => alice.create('thing', { title: ' ' })],
		['a value against a validation', 422,
			() => alice.create('thing', { title: 'x', quantity: -1 })],
		['text for a number', 422,
			() => alice.create('thing', { title: 'x', quantity: 'many' })],
		['a missing value', 422, () => alice.create('thing', { quantity: 1 })],
		['another id in a PATCH', 409, () => alice.patch(`/api/thing/${things[0].id}`,
			{ data: { type: 'thing', id: things[1].id, attributes: { note: 'x' } } })],
		['data without type', 400,
			() => alice.post('/api/thing', { data: { attributes: { title: 'x' } } })],
		['data that is a list', 400, () => alice.post('/api/thing',
			{ data: [{ type: 'thing', attributes: { title: 'x' } }] })],
		['no data', 400, () => alice.post('/api/thing', {})],
		['a body that is no JSON', 400, () => alice.post('/api/thing', '{"data":')],
		['a body of plain text', 415,
			() => alice.post('/api/thing', 'title=x', { type: 'text/plain' })],
		['PUT', 405, () => alice.request('PUT', '/api/thing', { body: {} })],
		['an unknown route', 404, () => alice.get('/apix/thing')],
		['a link to an unknown row', 404, () => alice.create('thing',
			{ title: 'x', shelf_id: NOWHERE })],
	];
	for (const [name, status, ask] of refusals) {
		test(`${name} is ${status}, and changes nothing`, async () => {
			const earlier = instance.psql('SELECT count(*), max(version) FROM thing');
			const answer = await ask();
			if (status === 404 && name.startsWith('a link'))
				refused(answer, 403, 404, 422);
			else
				refused(answer, status);
			assert.equal(instance.psql('SELECT count(*), max(version) FROM thing'),
				earlier);
		});
	}

	test('a refused value is named by pointer', async () => {
		const pointers = async (attributes) => refused(
			await alice.create('thing', attributes), 422).json.errors
			.map((error) => error.source?.pointer).sort();
		assert.deepEqual(await pointers({ title: '', quantity: -1 }),
			['/data/attributes/quantity', '/data/attributes/title']);
		assert.deepEqual(await pointers({ title: 'x', kind: 'ugly' }),
			['/data/attributes/kind']);
	});

	test('a refused parameter is named', async () => {
		const { errors } = refused(await alice.get('/api/thing?sort=nothing'), 400).json;
		assert.match(JSON.stringify(errors), /nothing/);
	});

	test('If-Match guards an update', async () => {
		const { id } = await alice.made('thing', { title: 'Nail' });
		const tag = (await alice.get(`/api/thing/${id}`)).headers.get('etag');
		assert.ok(tag, 'a row has an ETag');
		const write = (etag, quantity) => alice.patch(`/api/thing/${id}`,
			{ data: { type: 'thing', id, attributes: { quantity } } },
			{ headers: { 'if-match': etag } });
		expect(await write(tag, 4), 200);
		refused(await write(tag, 5), 412);
		expect(await write('*', 6), 200);
		const now = expect(await alice.get(`/api/thing/${id}`), 200).json.data;
		assert.equal(now.attributes.quantity, 6);
		expect(await alice.delete(`/api/thing/${id}`), 200);
	});

	test('a caller who can\'t see a table\'s rows gets 404 for each', async () => {
		refused(await bob.get(`/api/thing/${things[0].id}`), 404);
		refused(await guest.get(`/api/thing/${things[0].id}`), 404);
	});

	test('an error answers in the API\'s own type', async () => {
		const answer = refused(await new Client(instance).get('/api/nothing'), 404);
		assert.ok(answer.headers.get('content-type').startsWith(JSON_API));
	});
});
