/*
 * operations_test.js: atomic operations and Idempotency-Key: all or nothing,
 * and once.
 */
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const { startInstance } = require('./lib/instance.js');
const { expect, refused, schemaFile, settle, NOWHERE } = require('./lib/client.js');

let instance;
let root;
let alice;

before(async () => {
	instance = await startInstance();
	({ root, alice } = await settle(instance));
	await root.load('schema_library.yaml', schemaFile('schema_library.yaml'));
});

after(() => instance?.stop());

function operations(client, list) {
	return client.post('/api/operations', { 'atomic:operations': list });
}

async function count(entity, filter) {
	const answer = await root.get(`/api/${entity}?filter=${filter}`);
	return expect(answer, 200).json.links.total;
}

test('operations make rows that point to each other by local ids', async () => {
	const answer = expect(await operations(root, [
		{ op: 'add', data: { type: 'author', lid: 'a', attributes: { name: 'Lida' } } },
		{ op: 'add', data: { type: 'book', lid: 'b', attributes: { title: 'Lidless' },
			relationships: { author_id: { data: { type: 'author', lid: 'a' } } } } },
		{ op: 'update', data: { type: 'book', lid: 'b', attributes: { pages: 7 } },
			ref: { type: 'book', lid: 'b' } },
		{ op: 'add', ref: { type: 'book', lid: 'b', relationship: 'coauthors' },
			data: [{ type: 'author', lid: 'a' }] },
	]), 200);
	const results = answer.json['atomic:results'];
	assert.equal(results.length, 4);
	const [author, book, changed] = results.map((result) => result.data);
	assert.equal(book.relationships.author_id.data.id, author.id);
	assert.equal(changed.attributes.pages, 7);
	const coauthors = await root.get(`/api/book/${book.id}/coauthors`);
	assert.deepEqual(coauthors.json.data.map((row) => row.id), [author.id]);
	expect(await operations(root, [
		{ op: 'remove', ref: { type: 'book', id: book.id, relationship: 'coauthors' },
			data: [{ type: 'author', id: author.id }] },
		{ op: 'remove', ref: { type: 'book', id: book.id } },
		{ op: 'remove', href: `/api/author/${author.id}` },
	]), 200);
	expect(await root.get(`/api/author/${author.id}`), 404);
});

test('one refused operation undoes all, and its place is told', async () => {
	const good = (n) => ({ op: 'add', data: { type: 'author',
		attributes: { name: `Undone ${n}` } } });
	const cases = [
		[{ op: 'add', data: { type: 'author', attributes: { name: '' } } }, [422]],
		[{ op: 'frobnicate' }, [400]],
		[{ op: 'update', data: { type: 'book', id: NOWHERE, attributes: {} } }, [404]],
		[{ op: 'add', data: { type: 'nothing', attributes: {} } }, [404]],
		[{ op: 'add', data: { type: 'book', attributes: { title: 'x' },
			relationships: { author_id: { data: { type: 'author', lid: 'z' } } } } },
		[400]],
		[{ op: 'add', data: { type: 'book_audit', attributes: {} } }, [403]],
	];
	for (const [bad, statuses] of cases) {
		const list = Array.from({ length: 9 }, (_, n) => good(n));
		list.splice(5, 0, bad);
		const answer = refused(await operations(root, list), ...statuses);
		assert.match(answer.json.errors[0].source.pointer, /^\/atomic:operations\/5/);
		assert.equal(await count('author', 'Undone'), 0);
	}
});

test('a caller without the right changes nothing by an operation', async () => {
	const author = await root.made('author', { name: 'Kept' });
	refused(await operations(alice, [
		{ op: 'add', data: { type: 'author', attributes: { name: 'Sneaked' } } },
	]), 403);
	refused(await operations(alice, [
		{ op: 'remove', ref: { type: 'author', id: author.id } },
	]), 403, 404);
	assert.equal(await count('author', 'Sneaked'), 0);
	assert.equal(await count('author', 'Kept'), 1);
});

test('what is no list of operations is refused', async () => {
	for (const body of [{}, { 'atomic:operations': {} }, { 'atomic:operations': [1] },
		[], { 'atomic:operations': Array(1001).fill({ op: 'add' }) }])
		refused(await root.post('/api/operations', body), 400);
});

function keyed(client, key, attributes) {
	return client.post('/api/author', { data: { type: 'author', attributes } },
		{ headers: { 'idempotency-key': key } });
}

test('a request that is sent again is answered again and does nothing', async () => {
	const first = expect(await keyed(root, 'k1', { name: 'Once' }), 201);
	const again = expect(await keyed(root, 'k1', { name: 'Once' }), 201);
	assert.equal(again.text, first.text);
	assert.equal(again.headers.get('location'), first.headers.get('location'));
	assert.equal(await count('author', 'Once'), 1);
	refused(await keyed(root, 'k1', { name: 'Other' }), 422);
	assert.equal(await count('author', 'Other'), 0);
});

test('ten at once under one key make one row', async () => {
	const answers = await Promise.all(Array.from({ length: 10 },
		() => keyed(root, 'k2', { name: 'Crowd' })));
	const ids = new Set(answers.map((answer) => expect(answer, 201).json.data.id));
	assert.equal(ids.size, 1);
	assert.equal(await count('author', 'Crowd'), 1);
});

test('a refused request does not use its key up', async () => {
	refused(await keyed(root, 'k3', { name: '' }), 422);
	expect(await keyed(root, 'k3', { name: 'Second try' }), 201);
});

test('a key is its owner\'s, and short', async () => {
	refused(await keyed(root, 'k'.repeat(256), { name: 'Long' }), 400);
	expect(await keyed(root, 'shared', { name: 'Mine' }), 201);
	refused(await keyed(alice, 'shared', { name: 'Mine' }), 403);
});

test('If-Match keeps an update from being lost', async () => {
	const row = await root.made('author', { name: 'Tagged' });
	const got = expect(await root.get(`/api/author/${row.id}`), 200);
	const tag = got.headers.get('etag');
	assert.ok(tag);
	const unchanged = await root.get(`/api/author/${row.id}`,
		{ headers: { 'if-none-match': tag } });
	assert.equal(unchanged.status, 304);
	assert.equal(unchanged.text, '');
	const change = (name) => root.patch(`/api/author/${row.id}`,
		{ data: { type: 'author', id: row.id, attributes: { name } } },
		{ headers: { 'if-match': tag } });
	const changed = expect(await change('First'), 200);
	assert.notEqual(changed.headers.get('etag'), tag);
	refused(await change('Second'), 412);
	assert.equal((await root.get(`/api/author/${row.id}`)).json.data.attributes.name,
		'First');
});
