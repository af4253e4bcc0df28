/*
 * action_test.js: actions: inputs and their checks, outcomes and references,
 * one transaction, dry runs, bodies of several kinds.
 */
'use strict';

const assert = require('node:assert/strict');
const { after, before, describe, test } = require('node:test');
const { startInstance } = require('./lib/instance.js');
const { NOWHERE, expect, item, marketFolder, messages, mine, packageFiles, refused,
	schemaFile, settle } = require('./lib/client.js');

let instance;
let guest;
let root;
let bob;

before(async () => {
	instance = await startInstance();
	({ guest, root, bob } = await settle(instance));
	for (const name of ['schema_library.yaml', 'schema_desk.yaml'])
		await root.load(name, schemaFile(name));
});

after(() => instance?.stop());

const ticketNamed = async (title, more) =>
	(await root.made('ticket', { title, ...more })).id;

const stored = (id, columns) => instance.psql(
	`SELECT ${columns} FROM ticket WHERE reference_id = '${id}'`);

const entries = () => instance.psql('SELECT count(*) FROM entry');

describe('the library', () => {
	let book;

	before(async () => {
		const author = await root.made('author', { name: 'Jane Austen' });
		book = await root.made('book', { title: 'Emma', author_id: author.id });
	});

	test('lend_book writes a loan and says so', async () => {
		const answer = expect(await root.action('book', 'lend_book', { book_id: book.id,
			due_at: '2030-01-31T00:00:00Z', note: '  with care ' }), 200);
		assert.match(answer.headers.get('content-type'), /^application\/json/);
		assert.deepEqual(answer.json.map((one) => one.ResponseType),
			['client.notify', 'client.notify']);
		assert.equal(answer.json[0].Attributes.message, 'Created loan');
		assert.deepEqual(answer.json[1].Attributes, { message: 'You have borrowed Emma',
			title: 'Lent', type: 'success' });
		const [loan] = expect(
			await root.get(`/api/book/${book.id}/loans`), 200).json.data;
		assert.equal(loan.attributes.note, 'with care');
		assert.equal(loan.attributes.due_at, '2030-01-31T00:00:00Z');
		assert.equal(loan.attributes.borrower_id, (await mine(root)).id);
		assert.equal(loan.attributes.book_id, book.id);
	});

	test('lend_book without its input names it', async () => {
		for (const attributes of [{}, { due_at: null }, { due_at: '' }]) {
			const answer = refused(await root.action('book', 'lend_book',
				{ book_id: book.id, ...attributes }), 400);
			assert.match(messages(answer), /due_at/);
		}
		refused(await root.action('book', 'lend_book',
			{ book_id: book.id, due_at: 'never' }), 400, 422);
	});

	test('lend_book needs a book that is there', async () => {
		const attributes = { due_at: '2030-01-31T00:00:00Z' };
		refused(await root.action('book', 'lend_book', attributes), 400);
		refused(await root.action('book', 'lend_book',
			{ ...attributes, book_id: NOWHERE }), 404);
		refused(await root.action('book', 'lend_book',
			{ ...attributes, book_id: 'x' }), 400, 404);
	});

	test('a plain user and a guest may not lend', async () => {
		for (const caller of [bob, guest])
			refused(await caller.action('book', 'lend_book', { book_id: book.id,
				due_at: '2030-01-31T00:00:00Z' }), 403, 404);
	});
});

describe('the to-do list', { skip: marketFolder() ? false :
	'no packages beside the tree' }, () => {
	before(async () => {
		for (const file of packageFiles('todolist'))
			await root.load(file.name, file.text);
	});

	test('new_project makes a project and sends the client on', async () => {
		const answer = expect(
			await root.action('project', 'new_project', { name: 'House' }), 200);
		assert.equal(item(answer, 'client.redirect').window, 'self');
		const rows = expect(await root.get('/api/project'), 200).json.data;
		assert.deepEqual(rows.map((row) => row.attributes.name), ['House']);
	});

	test('new_task works with a project and without', async () => {
		const [project] = expect(await root.get('/api/project'), 200).json.data;
		const attributes = { description: 'Paint', schedule: '2030-05-01' };
		const answer = expect(await root.action('project', 'new_task',
			{ project_id: project.id, ...attributes }), 200);
		assert.deepEqual(answer.json.map((one) => one.ResponseType),
			['client.notify', 'client.notify', 'client.redirect', 'client.store.set',
				'error']);
		expect(await root.action('project', 'new_task', attributes), 200);
		const todos = expect(await root.get('/api/todo'), 200).json.data;
		assert.deepEqual(todos.map((row) => row.attributes.project_id ?? null).sort(),
			[project.id, null].sort());
		for (const { attributes: todo } of todos) {
			assert.equal(todo.title, 'Paint');
			assert.equal(todo.completed, false);
			assert.equal(todo.item_order, 10);
			assert.equal(todo.schedule, '2030-05-01T00:00:00Z');
		}
	});

	test('completed updates its subject', async () => {
		const [todo] = expect(await root.get('/api/todo'), 200).json.data;
		const answer = expect(
			await root.action('todo', 'completed', { todo_id: todo.id }), 200);
		assert.equal(answer.json[0].ResponseType, 'todo');
		assert.equal(answer.json[0].Attributes.completed, true);
		assert.equal(expect(await root.get(`/api/todo/${todo.id}`), 200)
			.json.data.attributes.completed, true);
	});
});

describe('the blog and the styles', { skip: marketFolder() ? false :
	'no packages beside the tree' }, () => {
	before(async () => {
		for (const name of ['blog', 'style'])
			for (const file of packageFiles(name))
				await root.load(file.name, file.text);
	});

	test('post writes into its blog, comment under its post', async () => {
		const blog = await root.made('blog', { title: 'Garden', view_count: 0 });
		expect(await root.action('blog', 'post',
			{ blog_id: blog.id, title: 'Beans', body: 'They grow.' }), 200);
		const [post] = expect(await root.get('/api/post'), 200).json.data;
		assert.equal(post.attributes.title, 'Beans');
		assert.equal(post.attributes.body, 'They grow.');
		assert.equal(post.attributes.blog_id, blog.id);
		expect(await root.action('post', 'comment', { post_id: post.id, name: 'Ann',
			comment: 'So do mine.', like: 7 }), 200);
		const [comment] = expect(
			await root.get(`/api/post/${post.id}/comment_id`), 200).json.data;
		assert.equal(comment.attributes.body, 'So do mine.');
		assert.equal(comment.attributes.likes_count, 7);
	});

	test('new_order makes vendor and order, and links the order', async () => {
		const style = await root.made('style', { name: 'Coat', code: 'C1' });
		expect(await root.action('style', 'new_order',
			{ style_id: style.id, vendor: 'Weavers', quantity: 12 }), 200);
		const [order] = expect(
			await root.get(`/api/style/${style.id}/orders_id`), 200).json.data;
		assert.equal(order.attributes.quantity, 12);
		const vendor = expect(await root.get(
			`/api/vendor/${order.attributes.vendor_id}`), 200).json.data;
		assert.equal(vendor.attributes.name, 'Weavers');
	});
});

describe('inputs', () => {
	test('conformations come before validations', async () => {
		const id = await ticketNamed('conform');
		refused(await root.action('ticket', 'note_down',
			{ ticket_id: id, text: '  ab  ' }), 400);
		const answer = expect(await root.action('ticket', 'note_down',
			{ ticket_id: id, text: '  ABC  ' }), 200);
		assert.equal(item({ json: answer.json.slice(-1) }, 'client.notify').message,
			'conform: abc');
		assert.equal(stored(id, 'state'), 'has abc');
	});

	test('a bare object, a form and a multipart body are attributes, too', async () => {
		const id = await ticketNamed('bodies');
		const send = (body, type) => root.request('POST', '/action/ticket/note_down',
			{ body, type });
		expect(await send({ ticket_id: id, text: 'bare' }, 'application/json'), 200);
		assert.equal(stored(id, 'state'), 'has bare');
		expect(await send(`ticket_id=${id}&text=a+form%21`,
			'application/x-www-form-urlencoded'), 200);
		assert.equal(stored(id, 'state'), 'has a form!');
		const part = (name, value) => '--b\r\nContent-Disposition: form-data; ' +
			`name="${name}"\r\n\r\n${value}\r\n`;
		expect(await send(`${part('ticket_id', id)}${part('text', 'in parts')}--b--\r\n`,
			'multipart/form-data; boundary=b'), 200);
		assert.equal(stored(id, 'state'), 'has in parts');
		expect(await send(JSON.stringify({ Attributes: { ticket_id: id, text: 'case' } }),
			'application/json'), 200);
	});

	test('numbers come as numbers or as text', async () => {
		const id = await ticketNamed('weights');
		for (const [weight, kept] of [[5, '5'], ['6', '6']]) {
			expect(await root.action('ticket', 'weigh', { ticket_id: id, weight }), 200);
			assert.equal(stored(id, 'weight'), kept);
		}
		for (const weight of [0, -1, '-1', 'heavy', null, [], {}, undefined, ''])
			refused(await root.action('ticket', 'weigh', { ticket_id: id, weight }),
				400, 422);
		assert.equal(stored(id, 'weight'), '6');
	});

	test('subjects of the wrong kind are refused', async () => {
		for (const ticket_id of [7, true, [], {}, 'x', '', NOWHERE, null])
			refused(await root.action('ticket', 'note_down',
				{ ticket_id, text: 'abc' }), 400, 404);
	});

	test('a body that is no object is refused', async () => {
		for (const body of ['[]', '"x"', '7', '{"attributes":[]}', '{"attributes":"x"}',
			'{"attributes":{}', '{'])
			refused(await root.request('POST', '/action/ticket/choose',
				{ body, type: 'application/json' }), 400);
	});
});

describe('outcomes', () => {
	test('conditions choose, hidden ones stay hidden, absent names are empty', async () => {
		const quiet = expect(await root.action('ticket', 'choose'), 200);
		assert.deepEqual(quiet.json.map((one) => one.Attributes.title), ['End']);
		assert.equal(quiet.json[0].Attributes.message, '[]');
		for (const loud of [true, 'true', 1, '1'])
			assert.deepEqual(expect(await root.action('ticket', 'choose', { loud }), 200)
				.json.map((one) => one.Attributes.title), ['Loud', 'End'], String(loud));
		for (const loud of [false, 'false', 0, '0', null])
			assert.deepEqual(expect(await root.action('ticket', 'choose', { loud }), 200)
				.json.map((one) => one.Attributes.title), ['End'], String(loud));
		const ticket_id = await ticketNamed('chosen');
		assert.equal(messages(expect(
			await root.action('ticket', 'choose', { ticket_id }), 200)), '[chosen]');
	});

	test('a GET outcome answers rows and can be referred to', async () => {
		await ticketNamed('0 first');
		const answer = expect(await root.action('ticket', 'look'), 200);
		assert.equal(answer.json[0].ResponseType, 'ticket');
		assert.ok(Array.isArray(answer.json[0].Attributes));
		assert.equal(answer.json[0].Attributes[0].title, '0 first');
		assert.equal(answer.json[1].Attributes.message, '0 first');
	});

	test('relations of the subject come where they are asked for', async () => {
		const id = await ticketNamed('related');
		const texts = async () => expect(await root.get(`/api/ticket/${id}/entries`), 200)
			.json.data.map((row) => row.attributes.text).sort();
		for (const text of ['one', 'two'])
			await root.made('entry', { text, ticket_id: id });
		const answer = expect(await root.action('ticket', 'sum_up', { ticket_id: id }), 200);
		assert.equal(answer.json[0].Attributes.message, 'one,two');
		assert.deepEqual(await texts(), ['one!', 'two!']);
		const other = await root.made('entry', { text: 'three', ticket_id: id });
		const whose = expect(await root.action('entry', 'whose', { entry_id: other.id }), 200);
		assert.equal(whose.json[0].Attributes.message, 'of related');
		assert.deepEqual(await texts(), ['beside', 'one!', 'three', 'two!']);
	});

	test('relations of the subject are those that the caller sees', async () => {
		const id = await ticketNamed('shared');
		expect(await root.update('ticket', id, { permission: 2097151 }), 200);
		await root.made('entry', { text: 'hidden', ticket_id: id });
		const mine = await bob.made('entry', { text: 'seen', ticket_id: id });
		const answer = expect(await bob.action('ticket', 'sum_up', { ticket_id: id }), 200);
		assert.equal(answer.json[0].Attributes.message, 'seen');
		expect(await root.update('ticket', id, { permission: 16256 }), 200);
		const whose = expect(await bob.action('entry', 'whose', { entry_id: mine.id }), 200);
		assert.doesNotMatch(whose.text, /shared/);
	});

	test('names of ours are not a caller\'s to give (C11)', async () => {
		const forged = { reference_id: NOWHERE, title: 'forged', email: 'forged@example.com' };
		const names = { subject: forged, user: forged, ticket: forged, item: forged };
		const answer = expect(await bob.action('ticket', 'choose', names), 200, 403);
		assert.doesNotMatch(answer.text, /forged/);
		const id = await ticketNamed('true');
		expect(await root.action('ticket', 'note_down',
			{ ...names, ticket_id: id, text: 'said' }, names), 200);
		assert.equal(stored(id, 'state'), 'has said');
	});

	test('a key that an outcome sets needs Refer of the caller (C12)', async () => {
		const hidden = await ticketNamed('hidden');
		const visible = await ticketNamed('visible');
		expect(await root.update('ticket', visible, { permission: 16256 + 2 }), 200);
		const open = await ticketNamed('open');
		expect(await root.update('ticket', open, { permission: 16256 + 2 + 64 }), 200);
		const earlier = entries();
		refused(await bob.action('entry', 'attach', { target: visible }), 403);
		refused(await bob.action('entry', 'attach', { target: hidden }), 400, 404);
		assert.equal(entries(), earlier);
		expect(await bob.action('entry', 'attach', { target: open }), 200);
		expect(await root.action('entry', 'attach', { target: hidden }), 200);
	});

	test('unknown relations are refused when they are written', async () => {
		const answer = refused(await root.upload('schema_unrelated.yaml', `
Actions:
  - {Name: odd, OnType: ticket, RequestSubjectRelations: [nothing], OutFields: []}
`), 422);
		assert.match(messages(answer), /RequestSubjectRelations\[0\]: there is no relation nothing/);
	});

	test('a DELETE outcome deletes', async () => {
		const id = await ticketNamed('gone');
		const answer = expect(await root.action('ticket', 'remove', { ticket_id: id }), 200);
		assert.equal(answer.json[0].Attributes.message, 'Deleted ticket');
		refused(await root.get(`/api/ticket/${id}`), 404);
	});

	test('all outcomes happen, or none', async () => {
		const id = await ticketNamed('atomic');
		expect(await root.action('ticket', 'half', { ticket_id: id, code: 'taken' }), 200);
		const earlier = entries();
		refused(await root.action('ticket', 'half', { ticket_id: id, code: 'taken' }), 409);
		assert.equal(entries(), earlier);
	});

	test('a value too long for its column undoes the run', async () => {
		const id = await ticketNamed('too long');
		const earlier = entries();
		const answer = refused(await root.action('ticket', 'note_down',
			{ ticket_id: id, text: 'x'.repeat(21) }), 400, 422);
		assert.match(messages(answer), /text/);
		assert.equal(entries(), earlier);
		assert.equal(stored(id, 'state'), 'open');
	});

	test('ContinueOnError goes on', async () => {
		const id = await ticketNamed('going on');
		expect(await root.action('ticket', 'go_on', { ticket_id: id, code: 'taken' }), 200);
		assert.equal(stored(id, 'state'), 'went on');
	});

	test('a part still to come says so with 501', async () => {
		const answer = await root.action('ticket', 'mail');
		assert.equal(answer.status, 501);
		assert.equal(answer.json[0].Attributes.type, 'error');
	});
});

describe('dry runs', () => {
	test('a dry run shows every change and makes none', async () => {
		const id = await ticketNamed('dry');
		const earlier = entries();
		const answer = expect(await root.action('ticket', 'note_down',
			{ ticket_id: id, text: 'imagined' }, { dry_run: true }), 200);
		const last = answer.json.at(-1);
		assert.equal(last.ResponseType, 'client.dry_run');
		assert.deepEqual(last.changes.map((one) => [one.entity, one.operation]),
			[['entry', 'create'], ['ticket', 'update']]);
		assert.equal(last.changes[0].before ?? null, null);
		assert.equal(last.changes[0].after.text, 'imagined');
		assert.equal(last.changes[1].id, id);
		assert.equal(last.changes[1].before.state, 'open');
		assert.equal(last.changes[1].after.state, 'has imagined');
		assert.deepEqual(last.effects, []);
		assert.equal(messages({ json: answer.json.slice(-2, -1) }), 'dry: imagined');
		assert.equal(entries(), earlier);
		assert.equal(stored(id, 'state'), 'open');
	});

	test('a dry run of a delete shows the row, which stays', async () => {
		const id = await ticketNamed('spared');
		const { changes } = expect(await root.action('ticket', 'remove',
			{ ticket_id: id }, { dry_run: true }), 200).json.at(-1);
		assert.equal(changes[0].operation, 'delete');
		assert.equal(changes[0].before.title, 'spared');
		assert.equal(stored(id, 'title'), 'spared');
	});

	test('a dry run is refused where the run would be', async () => {
		const id = await ticketNamed('dry refusal');
		refused(await root.action('ticket', 'note_down', { ticket_id: id, text: 'x' },
			{ dry_run: true }), 400);
		refused(await bob.action('ticket', 'note_down', { ticket_id: id, text: 'xyz' },
			{ dry_run: true }), 403, 404);
	});

	test('a dry run of a sign-up makes no account', async () => {
		expect(await root.action('user_account', 'signup', { name: 'ghost',
			email: 'ghost@example.com', password: 'long enough',
			passwordConfirm: 'long enough' }, { dry_run: true }), 200);
		assert.equal(instance.psql('SELECT count(*) FROM user_account ' +
			'WHERE email = \'ghost@example.com\''), '0');
	});
});

describe('who runs what', () => {
	/* Lets everybody execute an action. */
	async function open(name) {
		const action = instance.psql('SELECT reference_id FROM action ' +
			`WHERE action_name = '${name}'`);
		expect(await root.update('action', action, { permission: 2085120 + 32 }), 200);
	}

	test('an action runs as the system, or as its caller where it says so', async () => {
		await open('careful');
		await open('note_down');
		const id = await ticketNamed('theirs');
		expect(await root.update('ticket', id, { permission: 16256 + 2 + 32 }), 200);
		refused(await bob.action('ticket', 'careful', { ticket_id: id }), 403);
		assert.equal(stored(id, 'state'), 'open');
		expect(await root.action('ticket', 'careful', { ticket_id: id }), 200);
		assert.equal(stored(id, 'state'), 'touched');
	});

	test('C11: without Execute, or with the id of another type, nothing runs', async () => {
		await open('note_down');
		const id = await ticketNamed('c11');
		expect(await root.update('ticket', id, { permission: 2097151 }), 200);
		const { id: entry } = await root.made('entry', { text: 'c11' });
		expect(await root.update('entry', entry, { permission: 2097151 }), 200);
		const before = entries();
		refused(await bob.action('ticket', 'half', { ticket_id: id, code: 'c11' }), 403);
		refused(await guest.action('ticket', 'half', { ticket_id: id, code: 'c11' }),
			401, 403);
		refused(await bob.action('ticket', 'note_down',
			{ ticket_id: entry, text: 'abc' }), 404);
		refused(await bob.action('entry', 'note_down', { entry_id: entry }), 404);
		assert.equal(entries(), before);
		expect(await bob.action('ticket', 'note_down', { ticket_id: id, text: 'abc' }), 200);
		expect(await root.update('ticket', id, { permission: 16256 }), 200);
	});

	const who = (more) => ({ InstanceOptional: false, OnType: 'ticket',
		Permission: 2097151, InFields: [], ...more });
	const said = (Attributes) => ({ Type: 'said', Method: 'ACTIONRESPONSE', Attributes });

	test('C11: a caller gives no names that are the engine\'s', async () => {
		await root.load('schema_who.json', JSON.stringify({ Actions: [who({
			Name: 'who', Label: 'Who', OutFields: [said({ name: '~user.name',
				mail: '!user.email', title: '$.title', id: '~subject.reference_id',
				script: '!subject.title' })] })] }));
		const id = await ticketNamed('true');
		const other = await ticketNamed('false');
		expect(await root.update('ticket', id, { permission: 2097151 }), 200);
		const account = (await mine(root)).attributes;
		const forged = { user: account, subject: { title: 'false', reference_id: other },
			$: { title: 'false' }, '$.title': 'false', 'user.name': 'root', 'user.email': 'x',
			reference_id: other, '~user': account, __proto__: { title: 'false' } };
		const answer = expect(await bob.action('ticket', 'who',
			{ ...forged, ticket_id: id }), 200);
		assert.deepEqual(item(answer, 'said'), { name: 'bob', mail: 'bob@example.com',
			title: 'true', id, script: 'true' });
		expect(await root.update('ticket', id, { permission: 16256 }), 200);
	});

	test('C12: what a caller chooses is his to refer to, whatever runs', async () => {
		await root.load('schema_attach.json', JSON.stringify({ Actions: [who({
			Name: 'attach', Label: 'Attach', InstanceOptional: true,
			InFields: ['to', 'owner'].map((name) => ({ Name: name, ColumnName: name,
				ColumnType: 'alias', IsNullable: true })),
			OutFields: [{ Type: 'entry', Method: 'POST', Attributes: { text: 'attached',
				ticket_id: '~to', user_account_id: '~owner' } }] })] }));
		const hidden = await ticketNamed('not bob\'s');
		const before = entries();
		const [some, none] = await Promise.all([hidden, NOWHERE].map((to) =>
			bob.action('ticket', 'attach', { to })));
		refused(some, 400, 403, 404, 422);
		assert.equal(some.text.replaceAll(hidden, 'ID'), none.text.replaceAll(NOWHERE, 'ID'));
		expect(await root.update('ticket', hidden, { permission: 16256 + 2 }), 200);
		refused(await bob.action('ticket', 'attach', { to: hidden }), 403);
		assert.equal(entries(), before);
		expect(await bob.action('ticket', 'attach', { owner: (await mine(root)).id }),
			200, 403);
		expect(await root.action('ticket', 'attach', { to: hidden }), 200);
		expect(await root.update('ticket', hidden, { permission: 16256 }), 200);
	});

	test('C12: nobody else makes, changes or widens an action', async () => {
		const { id, attributes } = expect(await root.get('/api/action?query=' +
			encodeURIComponent(JSON.stringify([{ column: 'action_name', operator: 'is',
				value: 'careful' }]))), 200).json.data[0];
		for (const change of [{ permission: 2097151 }, { action_name: 'x' },
			{ instance_optional: true }, { action_schema: '{"OutFields":[]}' },
			{ user_account_id: (await mine(bob)).id }])
			refused(await bob.update('action', id, change), 403, 404);
		refused(await bob.create('action', { action_name: 'mine', label: 'Mine',
			action_schema: '{}' }, { world_id: { data: { type: 'world',
			id: attributes.world_id } } }), 403);
		refused(await bob.action('world', 'upload_system_schema', {}), 403);
		refused(await bob.post(`/api/action/${id}/relationships/usergroup_id`,
			{ data: [] }), 403, 404);
	});

	test('a GET outcome shows only what the caller may read', async () => {
		await open('look');
		await bob.made('ticket', { title: 'bob\'s' });
		const answer = expect(await bob.action('ticket', 'look'), 200);
		const visible = expect(await bob.get('/api/ticket?sort=title'), 200).json.data;
		assert.ok(visible.length > 0 && visible.length < 5);
		assert.deepEqual(answer.json[0].Attributes.map((row) => row.reference_id),
			visible.map((row) => row.id));
	});

	test('GET runs an action that is safe, with a bearer token', async () => {
		const answer = expect(await root.get('/action/ticket/look_safely'), 200);
		assert.equal(messages(answer), 'safe');
		refused(await root.get('/action/ticket/look'), 403, 405);
		const cookie = await guest.get('/action/ticket/look_safely', { headers: {
			cookie: `token=${root.token}`, 'sec-fetch-site': 'same-origin' } });
		assert.notEqual(cookie.status, 200);
	});

	test('only administrators write actions', async () => {
		const action = instance.psql('SELECT reference_id FROM action ' +
			'WHERE action_name = \'careful\'');
		refused(await bob.update('action', action, { label: 'x' }), 403, 404);
		refused(await bob.delete(`/api/action/${action}`), 403, 404);
	});
});

describe('inputs', () => {
	const FILE = [{ name: 'a.txt', file: 'data:text/plain;base64,YQ==', type: 'text/plain' }];
	const DAY = '2020-01-31';
	/* By what a type takes: one that is taken and one that is not. */
	const KINDS = [
		['text', true, 'id alias label name namespace hidden value content html markdown day'],
		['correct horse', 12, 'password bcrypt md5 md5-bcrypt'],
		['text', true, 'encrypted'],
		['{"a":[1]}', '{"a":', 'json'],
		['ann@example.com', 'ann', 'email'],
		['https://example.com/a', 'a', 'url'],
		['#ff0000', 'red-ish', 'color'],
		['small', 'huge', 'enum'],
		['true', 'perhaps', 'truefalse'],
		['12', '1.5', 'measurement'],
		['1.5', 'x', 'float location.latitude location.longitude location.altitude'],
		[7, 11, 'rating'],
		['12', '99', 'minute'],
		['12', 'noon', 'hour'],
		[12, 13, 'month'],
		[2020, 20, 'year'],
		[DAY, 'soon', 'date datetime timestamp time'],
		['[48.1, 11.5]', '[200, 0]', 'location'],
		[FILE, 'text', 'file image video audio gzip'],
	].flatMap(([good, bad, types]) => types.split(' ').map((type) => [type, good, bad]));

	test('of every column type are read, and refused where they don\'t fit', async () => {
		const known = Object.keys(expect(
			await root.get('/meta?query=column_types'), 200).json).sort();
		assert.deepEqual(KINDS.map(([type]) => type).sort(), known);
		const columns = KINDS.map(([type]) => ({ ColumnName: `of_${type.replace(/\W/g, '_')}`,
			ColumnType: type, IsNullable: true, ...(type === 'enum' ? { Options:
				['small', 'large'].map((Value) => ({ Value, Label: Value })) } : {}) }));
		await root.load('schema_inputs.json', JSON.stringify({
			Tables: [{ TableName: 'every', Columns: columns }],
			Actions: [{ Name: 'put', Label: 'Put', OnType: 'every', InstanceOptional: true,
				InFields: columns, OutFields: [{ Type: 'every', Method: 'POST',
					Attributes: Object.fromEntries(columns.map(({ ColumnName }) =>
						[ColumnName, `~${ColumnName}`])) }] }],
		}));
		const values = (index) => Object.fromEntries(KINDS.map((kind, i) =>
			[columns[i].ColumnName, kind[index]]));
		expect(await root.action('every', 'put', values(1)), 200);
		assert.equal(instance.psql('SELECT count(*) FROM every'), '1');
		assert.equal(instance.psql('SELECT count(*) FROM every e WHERE ' +
			columns.map(({ ColumnName }) => `${ColumnName} IS NOT NULL`).join(' AND ')), '1');
		expect(await root.action('every', 'put', {}), 200);
		for (const [i, [type, good, bad]] of KINDS.entries()) {
			const name = columns[i].ColumnName;
			expect(await root.action('every', 'put', { [name]: good }), 200);
			const answer = refused(await root.action('every', 'put', { [name]: bad }), 400);
			assert.match(messages(answer), new RegExp(name), type);
		}
		const all = refused(await root.action('every', 'put', values(2)), 400);
		assert.ok(all.json.length >= 10, 'one fault for each that is at fault');
	});
});
