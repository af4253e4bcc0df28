/*
 * actions.test.mjs: the actions of the library and of the market's packages,
 * run by daptin-client 0.2.9 as it is published, do what they say.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createRequire } from 'node:module';
import { PASSWORD, loadPackages, mailOf, marketFolder, mine, schemaFile, settle,
	startInstance } from './library.mjs';

const { DaptinClient } = createRequire(import.meta.url)('daptin-client');

/* It is made for browsers, and prints what it receives. */
globalThis.window = { localStorage: { setItem() {} } };
globalThis.document = {};
console.log = () => {};

const market = { skip: marketFolder() ? false : 'no packages beside the tree' };

let instance;
let root;
let client;

before(async () => {
	instance = await startInstance();
	({ root } = await settle(instance));
	await root.load('schema_library.yaml', schemaFile('schema_library.yaml'));
	if (marketFolder())
		await loadPackages(root, 'todolist', 'blog', 'style');
	const keeper = {};
	client = new DaptinClient(instance.url, false, { getToken: () => keeper.token });
	const items = await run('user_account', 'signin',
		{ email: mailOf('root'), password: PASSWORD });
	keeper.token = items.find((one) => one.ResponseType === 'client.store.set')
		.Attributes.value;
	await client.worldManager.loadModels().catch((models) =>
		assert.ok(!models.error, JSON.stringify(models)));
	for (let i = 0; i < 100 && !client.jsonApi.models.loan; i++)
		await new Promise((resolve) => setTimeout(resolve, 20));
});

after(() => instance?.stop());

const run = (entity, name, attributes) =>
	client.actionManager.doAction(entity, name, attributes);

const rows = async (entity) => (await client.jsonApi.findAll(entity,
	{ page: { number: 1, size: 50 } })).data;

const typesOf = (items) => items.map((one) => one.ResponseType);

/* What refuses is the items, each an error with a message. */
const refusal = (pattern) => (error) => {
	assert.match(JSON.stringify(error), pattern);
	return true;
};

describe('the library', () => {
	let book;

	before(async () => {
		const author = (await client.jsonApi.create('author', { name: 'Jane Austen' })).data;
		book = (await client.jsonApi.create('book', { title: 'Emma',
			author_id: { id: author.id, type: 'author' } })).data;
	});

	test('lend_book lends, to whoever asks', async () => {
		const items = await run('book', 'lend_book',
			{ book_id: book.id, due_at: '2030-01-31T00:00:00Z', note: '  gently ' });
		assert.deepEqual(items.at(-1).Attributes, { message: 'You have borrowed Emma',
			title: 'Lent', type: 'success' });
		const [loan] = await rows('loan');
		assert.equal(loan.note, 'gently');
		assert.equal(loan.due_at, '2030-01-31T00:00:00Z');
		assert.equal(loan.borrower_id?.id ?? loan.borrower_id, (await mine(root)).id);
	});

	test('lend_book names what it lacks', async () => {
		await assert.rejects(run('book', 'lend_book', { book_id: book.id }),
			refusal(/due_at/));
		await assert.rejects(run('book', 'lend_book', { due_at: '2030-01-31' }),
			refusal(/book_id/));
		assert.equal((await rows('loan')).length, 1);
	});

	test('a loan lives as its machine says', async () => {
		const [loan] = await rows('loan');
		const machine = (await rows('smd')).find((row) => row.name === 'loan_life');
		const { worldManager: worlds } = client;
		const started = await worlds.startObjectTrack('loan', loan.id, machine.id);
		const { id } = started.data?.data ?? started.data ?? started;
		await assert.rejects(worlds.trackObjectEvent('loan', id, 'take_back'));
		for (const event of ['hand_out', 'remind', 'extend', 'take_back'])
			await worlds.trackObjectEvent('loan', id, event);
		await assert.rejects(worlds.trackObjectEvent('loan', id, 'cancel'));
		assert.equal(instance.psql('SELECT current_state FROM loan_state'), 'returned');
	});
});

describe('the market', market, () => {
	test('new_project and new_task plan, completed ends', async () => {
		await run('project', 'new_project', { name: 'House' });
		const [project] = await rows('project');
		assert.equal(project.name, 'House');
		const items = await run('project', 'new_task', { project_id: project.id,
			description: 'Paint', schedule: '2030-05-01' });
		assert.ok(typesOf(items).includes('client.redirect'), JSON.stringify(items));
		const [todo] = await rows('todo');
		assert.equal(todo.title, 'Paint');
		assert.equal(todo.completed, false);
		await run('todo', 'completed', { todo_id: todo.id });
		assert.equal((await client.jsonApi.find('todo', todo.id)).data.completed, true);
	});

	test('post writes into its blog, comment under its post', async () => {
		const blog = (await client.jsonApi.create('blog', { title: 'Garden',
			view_count: 0 })).data;
		await run('blog', 'post', { blog_id: blog.id, title: 'Beans', body: 'They grow.' });
		const [post] = await rows('post');
		assert.equal(post.body, 'They grow.');
		assert.equal(post.blog_id?.id ?? post.blog_id, blog.id);
		await run('post', 'comment', { post_id: post.id, name: 'Ann',
			comment: 'So do mine.', like: 7 });
		const [comment] = await rows('comment');
		assert.equal(comment.body, 'So do mine.');
		assert.equal(comment.likes_count, 7);
	});

	test('new_order makes vendor and order, and links the order', async () => {
		const style = (await client.jsonApi.create('style', { name: 'Coat', code: 'C1' })).data;
		await run('style', 'new_order',
			{ style_id: style.id, vendor: 'Weavers', quantity: 12 });
		const { data: [order] } = await client.jsonApi.one('style', style.id)
			.all('orders_id').get();
		assert.equal(order.quantity, 12);
		assert.deepEqual((await rows('vendor')).map((row) => row.name), ['Weavers']);
	});
});
