/*
 * devour.test.mjs: the client on which daptin-client is built, in its present
 * version and by itself: its models are written by hand, its types are said
 * by `type`, and every method it has is called.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createRequire } from 'node:module';
import { expect, member, startInstance, schemaFile } from './library.mjs';

const Devour = createRequire(import.meta.url)('devour-client');

/* It reports on the console what it could not read. */
console.warn = () => {};
console.error = () => {};

let instance;
let root;
let alice;
let api;

function clientOf(token, options = {}) {
	const client = new Devour({ apiUrl: `${instance.url}/api`, pluralize: false,
		logger: false, bearer: token ?? null, ...options });
	client.define('shelf', { label: '', things: { jsonApi: 'hasMany', type: 'thing' } });
	client.define('tag', { word: '', tagged: { jsonApi: 'hasMany', type: 'thing' } });
	client.define('thing', { title: '', quantity: 0, price: 0, note: '', kind: '',
		done: false, made_at: '', code: '',
		shelf_id: { jsonApi: 'hasOne', type: 'shelf' },
		tags: { jsonApi: 'hasMany', type: 'tag' } });
	return client;
}

const titles = (answer) => answer.data.map((row) => row.title);

before(async () => {
	instance = await startInstance();
	root = await member(instance, 'root');
	alice = await member(instance, 'alice');
	expect(await root.action('world', 'become_an_administrator'), 200);
	await root.load('schema_shop.yaml', schemaFile('schema_shop.yaml'));
	api = clientOf(alice.token);
});

after(() => instance?.stop());

describe('rows', () => {
	let shelf;
	let made;

	test('one is created, with relationships of both kinds', async () => {
		shelf = (await api.create('shelf', { label: 'top' })).data;
		const tag = (await api.create('tag', { word: 'old' })).data;
		made = (await api.create('thing', { title: 'Lamp', quantity: 3, price: 12.5,
			shelf_id: shelf, tags: [tag] })).data;
		assert.match(made.id, /^[0-9a-f-]{36}$/);
		assert.equal(made.type, 'thing');
		assert.equal(made.quantity, 3);
		assert.equal(made.shelf_id.id, shelf.id);
	});

	test('one is found, with what it is related to', async () => {
		const plain = (await api.find('thing', made.id)).data;
		assert.deepEqual(plain.shelf_id, { type: 'shelf', id: shelf.id });
		const { data, document } = await api.find('thing', made.id,
			{ included_relations: 'shelf_id,tags' });
		assert.equal(data.shelf_id.label, 'top');
		assert.equal(data.tags[0].word, 'old');
		assert.equal(document.included.length, 2);
	});

	test('one is updated, and its links are set and cleared', async () => {
		const tag = (await api.create('tag', { word: 'new' })).data;
		const changed = (await api.update('thing', { id: made.id, title: 'Lantern',
			price: null, tags: [tag] })).data;
		assert.equal(changed.title, 'Lantern');
		assert.equal(changed.price, null);
		const tagged = async () => (await api.find('thing', made.id,
			{ included_relations: 'tags' })).data.tags.map((one) => one.word);
		assert.deepEqual(await tagged(), ['new']);
		/* The empty list that every row read without its tags has is no wish. */
		await api.update('thing', (await api.find('thing', made.id)).data);
		assert.deepEqual(await tagged(), ['new']);
		const cleared = (await api.update('thing', { id: made.id, shelf_id: null })).data;
		assert.equal(cleared.shelf_id, null);
	});

	test('one is destroyed, by name or by its path', async () => {
		await api.destroy('thing', made.id);
		await assert.rejects(api.find('thing', made.id));
		await api.one('shelf', shelf.id).destroy();
		await assert.rejects(api.find('shelf', shelf.id));
	});
});

describe('lists', () => {
	const names = ['Anvil', 'Bell', 'Candle', 'Drum', 'Easel'];
	let shelf;

	before(async () => {
		shelf = (await api.create('shelf', { label: 'list' })).data;
		for (const [i, title] of names.entries())
			await api.create('thing', { title, quantity: i, done: i % 2 === 1,
				shelf_id: i < 3 ? shelf : null });
	});

	test('pages and their links', async () => {
		const { data, links } = await api.findAll('thing',
			{ page: { number: 2, size: 2 }, sort: 'title' });
		assert.deepEqual(data.map((row) => row.title), ['Candle', 'Drum']);
		assert.equal(links.total, 5);
		assert.equal(links.last_page, 3);
		assert.ok(links.next_page_url.startsWith('/api/thing?'));
		const last = await api.request(new URL(links.next_page_url, instance.url).href);
		assert.deepEqual(last.document.data.map((row) => row.attributes.title), ['Easel']);
	});

	test('keyset pages', async () => {
		const first = await api.findAll('thing', { sort: '-title', page: { size: 2 } });
		const next = await api.findAll('thing', { sort: '-title',
			page: { size: 2, after: first.data[1].id } });
		assert.deepEqual(titles(next), ['Candle', 'Bell']);
		const back = await api.findAll('thing', { sort: '-title',
			page: { size: 2, before: next.data[0].id } });
		assert.deepEqual(titles(back), ['Easel', 'Drum']);
	});

	test('sorted both ways, by two columns, by a related one', async () => {
		assert.deepEqual(titles(await api.findAll('thing', { sort: '-done,title' })),
			['Bell', 'Drum', 'Anvil', 'Candle', 'Easel']);
		assert.equal((await api.findAll('thing', { sort: 'shelf_id.label,title' }))
			.data[0].title, 'Anvil');
	});

	test('filtered by text, by relation, by query in both writings', async () => {
		assert.deepEqual(titles(await api.findAll('thing', { filter: 'andl' })),
			['Candle']);
		assert.deepEqual(titles(await api.findAll('thing',
			{ shelf_id: shelf.id, sort: 'title' })), ['Anvil', 'Bell', 'Candle']);
		const query = [{ column: 'quantity', operator: 'gte', value: 3 }];
		assert.deepEqual(titles(await api.findAll('thing',
			{ query: JSON.stringify(query), sort: 'title' })), ['Drum', 'Easel']);
		assert.deepEqual(titles(await api.findAll('thing', { query, sort: 'title' })),
			['Drum', 'Easel']);
	});

	test('with included rows and sparse fields', async () => {
		const { data, document } = await api.findAll('thing', { sort: 'title',
			included_relations: 'shelf_id', fields: { thing: 'title,shelf_id' } });
		assert.equal(data[0].shelf_id.label, 'list');
		assert.equal(data[0].quantity, undefined);
		assert.equal(data[4].shelf_id, null);
		assert.deepEqual(document.included.map((row) => row.id), [shelf.id]);
	});

	test('through a builder: collections, items, related lists', async () => {
		assert.equal((await api.all('thing').get({ page: { size: 3 } })).data.length, 3);
		const { data } = await api.one('shelf', shelf.id).all('things')
			.get({ sort: '-title' });
		assert.deepEqual(data.map((row) => row.title), ['Candle', 'Bell', 'Anvil']);
		const parent = await api.one('thing', data[0].id).all('shelf_id').get();
		assert.equal(parent.data.label, 'list');
		const made = (await api.all('tag').post({ word: 'built' })).data;
		const changed = (await api.one('tag', made.id)
			.patch({ id: made.id, word: 'rebuilt' })).data;
		assert.equal(changed.word, 'rebuilt');
	});
});

describe('relationships', () => {
	let thing;
	let tags;
	const links = () => api.one('thing', thing.id).relationships('tags');
	const linked = async () => (await links().get()).data.map((one) => one.id).sort();

	before(async () => {
		thing = (await api.create('thing', { title: 'Linked' })).data;
		tags = [];
		for (const word of ['one', 'two', 'three'])
			tags.push((await api.create('tag', { word })).data);
	});

	test('are added, replaced, read and removed', async () => {
		const ids = tags.map((tag) => tag.id).sort();
		await links().post([tags[0], tags[1]]);
		assert.deepEqual(await linked(), [tags[0].id, tags[1].id].sort());
		await links().patch(tags);
		assert.deepEqual(await linked(), ids);
		await links().destroy([{ id: tags[2].id, type: 'tag' }]);
		assert.deepEqual(await linked(), [tags[0].id, tags[1].id].sort());
	});

	test('of a to-one are set and cleared', async () => {
		const shelf = (await api.create('shelf', { label: 'one' })).data;
		const link = () => api.one('thing', thing.id).relationships('shelf_id');
		await link().patch(shelf);
		assert.deepEqual((await link().get()).document.data,
			{ type: 'shelf', id: shelf.id });
		await api.update('thing', { id: thing.id, shelf_id: null });
		assert.equal((await link().get()).document.data, null);
	});
});

describe('refusals', () => {
	test('name the field', async () => {
		await assert.rejects(api.create('thing', { title: '', quantity: -1 }), (errors) => {
			assert.ok(errors.title.title);
			assert.ok(errors.quantity.title);
			return true;
		});
		await assert.rejects(api.create('thing', { title: 'x', kind: 'odd' }), (errors) => {
			assert.ok(errors.kind.title);
			return true;
		});
	});

	test('of what isn\'t there, and of bad parameters, have a title', async () => {
		for (const asked of [
			() => api.find('thing', '00000000-0000-4000-8000-00000000dead'),
			() => api.findAll('thing', { sort: 'nosuch' }),
			() => api.findAll('thing', { page: { size: -1 } }),
			() => api.destroy('thing', '00000000-0000-4000-8000-00000000dead')])
			await assert.rejects(asked(), (errors) => {
				assert.ok(Object.values(errors)[0].title, JSON.stringify(errors));
				return true;
			});
	});

	test('of a guest, a stale token, and another\'s row', async () => {
		const guest = clientOf();
		const made = (await api.create('thing', { title: 'Mine' })).data;
		await assert.rejects(guest.find('thing', made.id));
		await assert.rejects(clientOf('a.b.c').findAll('thing'));
		assert.deepEqual((await guest.findAll('thing')).data, []);
	});

	test('are made by an error builder of the caller\'s', async () => {
		const coded = clientOf(alice.token, {
			errorBuilder: ({ status, title }) => ({ status, title }) });
		await assert.rejects(coded.find('thing', 'x'), (errors) => {
			assert.equal(Object.values(errors)[0].status, '404');
			return true;
		});
	});
});

test('middlewares see requests and answers', async () => {
	const client = clientOf(alice.token);
	const seen = [];
	client.insertMiddlewareBefore('axios-request', { name: 'watch',
		req: (payload) => {
			seen.push(payload.req.headers.Accept);
			return payload;
		} });
	client.insertMiddlewareAfter('response', { name: 'mark',
		res: (answer) => ({ ...answer, marked: true }) });
	assert.equal((await client.findAll('tag')).marked, true);
	assert.deepEqual(seen, ['application/vnd.api+json']);
	client.removeMiddleware('mark');
	client.replaceMiddleware('watch', { name: 'still', req: (payload) => payload });
	assert.equal((await client.findAll('tag')).marked, undefined);
	client.resetMiddleware();
	assert.ok(!client.middlewareExists('still'));
});
