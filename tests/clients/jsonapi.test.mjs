/*
 * jsonapi.test.mjs: answers of every kind under /api are documents of
 * JSON:API 1.1 (document.mjs).
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertDocument } from './document.mjs';
import { expect, fileOf, marketFolder, loadPackages, schemaFile, settle, startInstance }
	from './library.mjs';

const NOWHERE = '00000000-0000-4000-8000-00000000dead';
const ATOMIC = 'application/vnd.api+json;ext="https://jsonapi.org/ext/atomic"';

let instance;
let guest;
let root;
let alice;
let shelf;
let things;
let tags;

async function is(kind, asked, ...statuses) {
	return assertDocument(expect(await asked, ...statuses), kind).json;
}

const refused = (asked, ...statuses) => is('errors', asked, ...statuses);
const reference = ({ type, id }) => ({ type, id });

function operations(list) {
	return alice.post('/api/operations', { 'atomic:operations': list }, { type: ATOMIC });
}

before(async () => {
	instance = await startInstance();
	({ guest, root, alice } = await settle(instance));
	await root.load('schema_shop.yaml', schemaFile('schema_shop.yaml'));
	shelf = await alice.made('shelf', { label: 'top' });
	tags = [await alice.made('tag', { word: 'old' }), await alice.made('tag', { word: 'new' })];
	things = [];
	for (const title of ['Anvil', 'Bell', 'Candle'])
		things.push(await alice.made('thing', { title }, {
			shelf_id: { data: reference(shelf) },
			tags: { data: tags.map(reference) } }));
});

after(() => instance?.stop());

describe('what is read', () => {
	test('a page, an empty page, pages by number and by key', async () => {
		for (const parameters of ['', '?sort=-title', '?page[size]=1&page[number]=2',
			`?page[size]=1&page[after]=${things[0].id}`, '?page[total]=none',
			'?page[total]=exact', '?filter=nothing+like+it', '?page[number]=99',
			'?query=[{"column":"title","operator":"is","value":"Bell"}]'])
			await is('page', alice.get(`/api/thing${parameters}`), 200);
	});

	test('an item, and the caller himself', async () => {
		const { data } = await is('one', alice.get(`/api/thing/${things[0].id}`), 200);
		assert.equal(data.id, things[0].id);
		await is('one', alice.get('/api/user_account/mine'), 200);
	});

	test('related rows: many, one, none', async () => {
		await is('page', alice.get(`/api/shelf/${shelf.id}/things`), 200);
		await is('page', alice.get(`/api/thing/${things[0].id}/tags`), 200);
		const one = await is('one', alice.get(`/api/thing/${things[0].id}/shelf_id`), 200);
		assert.equal(one.data.id, shelf.id);
		const bare = await alice.made('thing', { title: 'Bare' });
		const none = await is('one', alice.get(`/api/thing/${bare.id}/shelf_id`), 200);
		assert.equal(none.data, null);
		await is('page', alice.get(`/api/thing/${bare.id}/tags`), 200);
	});

	test('linkage of both kinds', async () => {
		const base = `/api/thing/${things[0].id}/relationships`;
		const many = await is('linkage', alice.get(`${base}/tags`), 200);
		assert.equal(many.data.length, 2);
		await is('linkage', alice.get(`${base}/shelf_id`), 200);
		await is('linkage', alice.get(`/api/shelf/${shelf.id}/relationships/things`), 200);
	});

	test('included rows: each once, each linked to', async () => {
		for (const parameter of ['included_relations=shelf_id', 'included_relations=*',
			'included_relations=tags,shelf_id', 'include=tags',
			'included_relations=shelf_id,shelf_id.things,tags.tagged']) {
			const page = await is('page', alice.get(`/api/thing?${parameter}`), 200);
			assert.ok(page.included.length, parameter);
			await is('one', alice.get(`/api/thing/${things[0].id}?${parameter}`), 200);
		}
		await is('page', alice.get(`/api/thing/${things[0].id}/tags` +
			'?included_relations=tagged'), 200);
	});

	test('sparse fields, without and with what they leave out', async () => {
		for (const parameter of ['fields=title', 'fields[thing]=title',
			'fields[thing]=title,shelf_id&included_relations=shelf_id'])
			await is('page', alice.get(`/api/thing?${parameter}`), 200);
		const { included } = await is('sparsePage', alice.get('/api/thing' +
			'?fields[thing]=title&fields[shelf]=label&included_relations=shelf_id'), 200);
		assert.equal(included[0].attributes.label, 'top');
	});

	test('every entity there is, to its administrator', async () => {
		await root.load('schema_library.yaml', schemaFile('schema_library.yaml'));
		if (marketFolder())
			await loadPackages(root, 'blog', 'faq');
		const { data } = expect(await root.get('/api/world?page[size]=1000'), 200).json;
		assert.ok(data.length > 20);
		for (const { attributes } of data) {
			const target = `/api/${attributes.table_name}`;
			const page = await is('page', root.get(`${target}?page[size]=3` +
				'&included_relations=*'), 200);
			for (const { id } of page.data)
				await is('one', root.get(`${target}/${id}?included_relations=*`), 200);
		}
	});
});

describe('what is written', () => {
	test('created, changed and deleted rows', async () => {
		const answer = await alice.create('thing', { title: 'Drum', price: '1.50' });
		const { data } = await is('one', answer, 201);
		assert.equal(answer.headers.get('location'), `/api/thing/${data.id}`);
		await is('one', alice.update('thing', data.id, { title: 'Drums' }), 200);
		await is('deleted', alice.delete(`/api/thing/${data.id}`), 200);
	});

	test('changes of links answer nothing', async () => {
		const base = `/api/thing/${things[1].id}/relationships/tags`;
		const data = [reference(tags[0])];
		for (const answer of [await alice.delete(base, { data }),
			await alice.post(base, { data }), await alice.patch(base, { data })])
			assert.equal(expect(answer, 204).text, '');
	});

	test('operations', async () => {
		const { 'atomic:results': results } = await is('operations', operations([
			{ op: 'add', data: { type: 'thing', lid: 't', attributes: { title: 'Atom' } } },
			{ op: 'update', ref: { type: 'thing', lid: 't' },
				data: { type: 'thing', lid: 't', attributes: { quantity: 2 } } },
			{ op: 'add', ref: { type: 'thing', lid: 't', relationship: 'tags' },
				data: [reference(tags[0])] },
			{ op: 'remove', ref: { type: 'thing', lid: 't' } },
		]), 200);
		assert.equal(results.length, 4);
	});
});

describe('what is refused', () => {
	test('by status', async () => {
		const { id } = things[0];
		await refused(alice.get('/api/thing?sort=nosuch'), 400);
		await refused(alice.get('/api/thing?page[size]=x'), 400);
		await refused(alice.get('/api/thing?query={'), 400);
		await refused(alice.get('/api/thing', { headers: { authorization: 'Bearer a.b.c' } }),
			401);
		await refused(guest.get('/api/user_account/mine'), 401, 403, 404);
		await refused(guest.create('world', { table_name: 'x' }), 403);
		await refused(alice.get(`/api/thing/${NOWHERE}`), 404);
		await refused(alice.get('/api/nothing'), 404);
		await refused(alice.get('/api/thing/a/b/c/d/e'), 404);
		await refused(alice.get(`/api/thing/${id}/nothing`), 404);
		await refused(alice.request('PUT', `/api/thing/${id}`, { body: {} }), 405);
		await refused(alice.create('shelf', { label: 'top' }), 409);
		await refused(alice.patch(`/api/thing/${id}`, { data: { type: 'thing', id,
			attributes: {} } }, { headers: { 'if-match': '"0"' } }), 412);
		await refused(alice.post('/api/thing', 'x'.repeat(3 << 20)), 400, 413);
		await refused(alice.post('/api/thing', '{}', { type: 'text/plain' }), 415);
	});

	test('by value, every field at once', async () => {
		const { errors } = await refused(alice.create('thing',
			{ title: '', quantity: -1, kind: 'odd', made_at: 'never' }), 422);
		assert.ok(errors.length >= 2, JSON.stringify(errors));
		for (const error of errors)
			assert.match(error.source.pointer, /^\/data\/attributes\//);
	});

	test('in operations, with their place', async () => {
		const { errors: [error] } = await refused(operations([
			{ op: 'add', data: { type: 'thing', attributes: { title: 'good' } } },
			{ op: 'add', data: { type: 'thing', attributes: { title: '' } } }]), 422);
		assert.match(error.source.pointer, /^\/atomic:operations\/1/);
	});

	test('of files', async () => {
		await refused(alice.create('thing', { title: [fileOf('a', 'b')] }), 422);
	});
});

test('the check itself refuses what is no document', () => {
	const row = { type: 'a', id: '1' };
	const other = { type: 'a', id: '2' };
	for (const [kind, json] of [
		['page', { data: row }], ['page', { data: [row], errors: [] }],
		['page', { data: [row], more: 1 }], ['page', { data: [row, row] }],
		['page', { data: [row], included: [other] }],
		['page', { data: [{ ...row, name: 'x' }] }],
		['page', { data: [row], links: { next: 1 } }],
		['one', { data: { id: '1' } }], ['one', { data: { type: 'a', id: 1 } }],
		['one', { data: { ...row, attributes: { id: 'x' } } }],
		['one', { data: { ...row, attributes: { _a: 'x' } } }],
		['one', { data: { ...row, relationships: { b: {} } } }],
		['one', { data: { ...row, relationships: { b: { data: [{ id: '1' }] } } } }],
		['one', { data: { ...row, attributes: { b: 'x' },
			relationships: { b: { data: other } } } }],
		['linkage', { data: { ...row, attributes: {} } }], ['deleted', { data: null }],
		['errors', { errors: [] }], ['errors', { errors: [{ status: 404 }] }],
		['errors', { errors: [{ reason: 'x' }] }], ['operations', { data: [] }]]) {
		const headers = new Headers({ 'content-type': kind === 'operations'
			? ATOMIC : 'application/vnd.api+json' });
		assert.throws(() => assertDocument({ asked: kind, headers, json, status: 200,
			text: JSON.stringify(json) }, kind), JSON.stringify(json));
	}
});
