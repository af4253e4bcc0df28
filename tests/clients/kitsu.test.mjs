/*
 * kitsu.test.mjs: a client made for any JSON:API server: what works with
 * Daptin's dialect has to work by the standard, too.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Kitsu from 'kitsu';
import { loadPackages, marketFolder, member, startInstance, expect } from './library.mjs';

const market = { skip: marketFolder() ? false : 'no packages beside the tree' };

let instance;
let api;
let guest;
let blog;

function clientOf(token) {
	return new Kitsu({ baseURL: `${instance.url}/api`, pluralize: false,
		camelCaseTypes: false, resourceCase: 'none', query: 'modern',
		headers: token ? { Authorization: `Bearer ${token}` } : {} });
}

before(async () => {
	instance = await startInstance();
	const root = await member(instance, 'root');
	expect(await root.action('world', 'become_an_administrator'), 200);
	if (marketFolder())
		await loadPackages(root, 'todolist', 'blog');
	api = clientOf(root.token);
	guest = clientOf();
});

after(() => instance?.stop());

test('a row is created, with its relationship', market, async () => {
	blog = (await api.create('blog', { title: 'News', view_count: 0 })).data;
	assert.match(blog.id, /^[0-9a-f-]{36}$/);
	const post = (await api.create('post', { title: 'First', body: 'Hello',
		blog_id: { data: { id: blog.id, type: 'blog' } } })).data;
	assert.equal(post.title, 'First');
});

test('rows are listed, sorted, paged and included', market, async () => {
	for (const title of ['Second', 'Third'])
		await api.create('post', { title, body: 'x',
			blog_id: { data: { id: blog.id, type: 'blog' } } });
	const { data, links } = await api.get('post', { params: {
		sort: '-title', page: { number: 1, size: 2 }, included_relations: 'blog_id' } });
	assert.deepEqual(data.map((row) => row.title), ['Third', 'Second']);
	assert.equal(links.total, 3);
	/* Daptin's attribute of the same name wins over the relationship. */
	assert.equal(data[0].blog_id, blog.id);
});

test('sparse fields and related lists work', market, async () => {
	const { data } = await api.get('post', { params: { fields: { post: 'title' } } });
	assert.ok(data.every((row) => row.title && row.body === undefined));
	const related = await api.get(`blog/${blog.id}/post_id`);
	assert.equal(related.data.length, 3);
	const parent = await api.get(`post/${data[0].id}/blog_id`);
	assert.equal(parent.data.id, blog.id);
});

test('a row is updated and deleted', market, async () => {
	const { data: [post] } = await api.get('post');
	const changed = (await api.update('post', { id: post.id, title: 'Changed' })).data;
	assert.equal(changed.title, 'Changed');
	await api.remove('post', post.id);
	await assert.rejects(api.get(`post/${post.id}`), (error) => {
		assert.equal(error.errors?.[0]?.status ?? String(error.response.status), '404');
		return true;
	});
});

test('linkage routes add and replace', market, async () => {
	const tag = (await api.create('tag', { label: 'urgent' })).data;
	const todo = (await api.create('todo', { title: 'Linked' })).data;
	const url = `todo/${todo.id}/relationships/tag_id`;
	const linked = async () => (await api.get(url)).data.map((one) => one.id);
	await api.request({ method: 'POST', url, type: 'tag', body: [{ id: tag.id }] });
	assert.deepEqual(await linked(), [tag.id]);
	await api.request({ method: 'PATCH', url, type: 'tag', body: [] });
	assert.deepEqual(await linked(), []);
});

test('each method has its other name, headers and parameters', market, async () => {
	const made = (await api.post('tag', { label: 'short' }, { headers: {
		'Idempotency-Key': 'kitsu-1' }, params: { fields: { tag: 'label' } } }));
	assert.equal(made.status, 201);
	const again = await api.post('tag', { label: 'short' },
		{ headers: { 'Idempotency-Key': 'kitsu-1' } });
	assert.equal(again.data.id, made.data.id);
	const { data, headers } = await api.fetch(`tag/${made.data.id}`);
	assert.equal(data.label, 'short');
	assert.ok(headers.etag);
	await assert.rejects(api.patch('tag', { id: data.id, label: 'long' },
		{ headers: { 'If-Match': '"0"' } }), (error) => error.errors[0].status === '412');
	assert.equal((await api.patch('tag', { id: data.id, label: 'long' },
		{ headers: { 'If-Match': headers.etag } })).data.label, 'long');
	assert.equal((await api.delete('tag', data.id)).status, 200);
});

test('requests are made by hand, and interceptors see them', market, async () => {
	const client = clientOf();
	client.headers.Authorization = api.headers.Authorization;
	const seen = [];
	client.interceptors.request.use((config) => {
		seen.push(`${config.method} ${config.url}`);
		return config;
	});
	const made = await client.request({ method: 'POST', url: 'tag', type: 'tag',
		body: { label: 'made' } });
	const url = `tag/${made.data.id}`;
	await client.request({ method: 'PATCH', url, type: 'tag',
		body: { id: made.data.id, label: 'remade' } });
	const { data } = await client.request({ url, params: { fields: { tag: 'label' } } });
	assert.equal(data.label, 'remade');
	assert.equal((await client.request({ method: 'DELETE', url })).status, 200);
	assert.deepEqual(seen, ['post tag', `patch ${url}`, `get ${url}`, `delete ${url}`]);
});

/* kitsu.app's own extensions are not Daptin's: it says so as an error. */
test('what only its home has is refused as any fault is', async () => {
	await assert.rejects(api.self(), (error) => error.errors[0].status === '404');
	await assert.rejects(api.delete('tag', ['a', 'b']), (error) =>
		['404', '405'].includes(error.errors[0].status));
});

test('nested includes and linkage are read', market, async () => {
	const { data } = await api.get('post', { params: { included_relations: '*' } });
	assert.ok(data.length);
	const linked = await api.get(`blog/${blog.id}/relationships/post_id`);
	assert.ok(linked.data.every((one) => one.id && one.type === 'post'));
});

test('refusals carry errors that a client shows', market, async () => {
	await assert.rejects(guest.create('blog', { title: 'x', view_count: 0 }), (error) => {
		assert.equal(error.errors[0].status, '403');
		assert.ok(error.errors[0].title);
		return true;
	});
	await assert.rejects(api.create('todo', { title: '' }), (error) => {
		assert.equal(error.errors[0].source.pointer, '/data/attributes/title');
		return true;
	});
	assert.deepEqual((await guest.get('blog')).data, []);
});
