/*
 * session_test.js: the first session of an instance, from sign-up over the
 * lock-down to what is left for plain users; passwords and their tokens.
 */
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const { startInstance } = require('./lib/instance.js');
const { Client, PASSWORD, claimsOf, expect, item, mailOf, member, messages, mine,
	refused, schemaFile, signIn, signUp } = require('./lib/client.js');

let instance;
let guest;
let root;
let bob;

before(async () => {
	instance = await startInstance();
	guest = new Client(instance);
});

after(() => instance?.stop());

const types = (answer) => answer.json.map((entry) => entry.ResponseType);

test('a fresh instance answers its health check', async () => {
	expect(await guest.get('/health'), 200);
});

test('signing up answers the items that Daptin\'s clients know', async () => {
	const answer = expect(await signUp(guest, 'root'), 200);
	assert.deepEqual(types(answer), ['client.notify', 'client.notify',
		'client.notify', 'client.notify', 'client.redirect']);
	assert.deepEqual(answer.json.slice(0, 4).map((entry) => entry.Attributes.message), [
		'Created user_account', 'Created usergroup',
		'Created user_account_user_account_id_has_usergroup_usergroup_id',
		'Sign-up successful. Redirecting to sign in']);
	assert.equal(item(answer, 'client.redirect').location, '/auth/signin');
	assert.match(answer.headers.get('content-type'), /^application\/json/);
});

test('/action/user is the account\'s alias', async () => {
	expect(await guest.action('user', 'signup', { name: 'bob',
		email: mailOf('bob'), password: PASSWORD, passwordConfirm: PASSWORD }), 200);
	expect(await guest.action('user', 'signin',
		{ email: mailOf('bob'), password: PASSWORD }), 200);
});

test('signing in answers a token, a cookie, a notice and a redirect', async () => {
	const answer = expect(await guest.action('user_account', 'signin',
		{ email: mailOf('root'), password: PASSWORD }), 200);
	assert.deepEqual(types(answer), ['client.store.set', 'client.cookie.set',
		'client.notify', 'client.redirect']);
	const stored = item(answer, 'client.store.set');
	assert.equal(stored.key, 'token');
	assert.match(stored.value, /^[\w-]+\.[\w-]+\.[\w-]+$/);
	assert.match(item(answer, 'client.cookie.set').value, /^[\w-]+\.[\w-]+\.[\w-]+/);
	assert.equal(item(answer, 'client.notify').message, 'Logged in');
	assert.equal(item(answer, 'client.redirect').location, '/');
});

test('a token has numeric times and the documented claims', async () => {
	root = await signIn(instance, 'root');
	bob = await signIn(instance, 'bob');
	const claims = claimsOf(root.token);
	assert.equal(claims.email, mailOf('root'));
	assert.equal(claims.name, 'root');
	assert.equal(claims.sub, (await mine(root)).id);
	for (const name of ['iat', 'nbf', 'exp', 'auth_version'])
		assert.equal(typeof claims[name], 'number', name);
	assert.equal(claims.exp - claims.iat, 72 * 3600);
	for (const name of ['iss', 'jti', 'picture'])
		assert.equal(typeof claims[name], 'string', name);
	assert.notEqual(claimsOf((await signIn(instance, 'root')).token).jti, claims.jti);
});

test('a wrong password and an unknown address are one refusal', async () => {
	const wrong = refused(await guest.action('user_account', 'signin',
		{ email: mailOf('root'), password: 'wrong horse' }), 401);
	const unknown = refused(await guest.action('user_account', 'signin',
		{ email: mailOf('nobody'), password: 'wrong horse' }), 401);
	assert.equal(wrong.text, unknown.text);
});

test('signing in finds an address in any letter case', async () => {
	expect(await guest.action('user_account', 'signin',
		{ email: 'ROOT@Example.COM', password: PASSWORD }), 200);
});

test('an address signs up once, in whatever letter case', async () => {
	refused(await signUp(guest, 'root'), 409);
	refused(await signUp(guest, 'root', PASSWORD, 'Root@EXAMPLE.com'), 409);
	assert.equal(instance.psql('SELECT count(*) FROM user_account ' +
		'WHERE lower(email) = \'root@example.com\''), '1');
});

test('a refused sign-up names every field and leaves nothing', async () => {
	const count = 'SELECT (SELECT count(*) FROM user_account), ' +
		'(SELECT count(*) FROM usergroup)';
	const earlier = instance.psql(count);
	const answer = refused(await guest.action('user_account', 'signup',
		{ name: '', email: 'no address', password: 'short',
			passwordConfirm: 'other' }), 400);
	for (const field of ['name', 'email', 'password'])
		assert.match(messages(answer), new RegExp(field), field);
	refused(await guest.action('user_account', 'signup',
		{ name: 'x', email: mailOf('x'), password: 'long enough',
			passwordConfirm: 'long enough?' }), 400);
	assert.equal(instance.psql(count), earlier);
});

test('a password of 72 bytes works whole, one of 73 is refused', async () => {
	const longest = 'p'.repeat(71);
	expect(await signUp(guest, 'long', `${longest}A`), 200);
	refused(await guest.action('user_account', 'signin',
		{ email: mailOf('long'), password: `${longest}B` }), 401);
	await signIn(instance, 'long', `${longest}A`);
	refused(await signUp(guest, 'longer', `${longest}AB`), 400);
	refused(await signUp(guest, 'megabyte', 'p'.repeat(300 * 1024)), 400);
	refused(await signUp(guest, 'zero', 'nul\u0000nul nul'), 400);
});

test('a guest can\'t become an administrator', async () => {
	refused(await guest.action('world', 'become_an_administrator'), 401, 403);
	assert.equal(instance.psql('SELECT count(*) FROM ' +
		'user_account_user_account_id_has_usergroup_usergroup_id m ' +
		'JOIN usergroup g ON g.id = m.usergroup_id ' +
		'WHERE g.name = \'administrators\''), '0');
});

test('the first to ask becomes the administrator, with only a redirect', async () => {
	const answer = expect(
		await root.action('world', 'become_an_administrator'), 200);
	assert.deepEqual(types(answer), ['client.redirect']);
	const redirect = item(answer, 'client.redirect');
	assert.equal(redirect.location, '/');
	assert.equal(redirect.window, 'self');
	assert.equal(Number(redirect.delay), 0);
});

test('become_an_administrator works once', async () => {
	refused(await bob.action('world', 'become_an_administrator'), 403);
	refused(await root.action('world', 'become_an_administrator'), 403);
});

test('guests can\'t sign up, read or write after the lock-down', async () => {
	refused(await signUp(guest, 'late'), 403);
	const accounts = expect(await guest.get('/api/user_account'), 200).json;
	assert.deepEqual(accounts.data, []);
	assert.equal(accounts.links.total, 0);
	refused(await guest.create('usergroup', { name: 'mob' }), 403);
	refused(await guest.action('world', 'restart_daptin'), 403);
	refused(await guest.action('world', 'download_system_schema'), 403);
	refused(await guest.get('/api/user_account/mine'), 401, 403, 404);
});

test('guests can still sign in after the lock-down', async () => {
	await signIn(instance, 'bob');
});

test('an administrator makes further accounts, which own themselves', async () => {
	expect(await signUp(root, 'carol'), 200);
	const carol = await signIn(instance, 'carol');
	const account = await mine(carol);
	assert.equal(account.attributes.user_account_id, account.id);
	expect(await carol.update('user_account', account.id, { name: 'Carol' }), 200);
});

test('a plain user reads and changes his own account, and no other', async () => {
	const account = await mine(bob);
	assert.equal(account.type, 'user_account');
	assert.equal(account.attributes.email, mailOf('bob'));
	assert.equal(account.attributes.password || '', '');
	expect(await bob.update('user_account', account.id, { name: 'Robert' }), 200);
	assert.equal((await mine(bob)).attributes.name, 'Robert');
	const other = (await mine(root)).id;
	refused(await bob.get(`/api/user_account/${other}`), 404);
	refused(await bob.update('user_account', other, { name: 'Eve' }), 404);
	refused(await bob.delete(`/api/user_account/${other}`), 404);
	const list = expect(await bob.get('/api/user_account'), 200).json;
	assert.deepEqual(list.data.map((row) => row.id), [account.id]);
	assert.equal(list.links.total, 1);
});

test('a plain user reads the world rows of tables that he may read', async () => {
	await root.load('schema_open.yaml', `
Tables:
  - TableName: open_door
    Permission: 2097151
    Columns:
      - ColumnName: title
        ColumnType: label
  - TableName: closed_door
    Columns:
      - ColumnName: title
        ColumnType: label
`);
	const rows = expect(
		await bob.get('/api/world?page%5Bsize%5D=500'), 200).json.data;
	const tables = rows.map((row) => row.attributes.table_name);
	assert.ok(tables.includes('open_door'), tables.join());
	assert.ok(!tables.includes('closed_door'), tables.join());
	refused(await bob.create('closed_door', { title: 'x' }), 403);
	const made = await bob.made('open_door', { title: 'x' });
	assert.equal(made.attributes.user_account_id, (await mine(bob)).id);
});

test('the first session goes on to a schema and a row', async () => {
	await root.load('schema_library.yaml', schemaFile('schema_library.yaml'));
	const author = await root.made('author', { name: 'Jane Austen' });
	const book = await root.made('book', { title: 'Emma' },
		{ author_id: { data: { type: 'author', id: author.id } } });
	const read = expect(await root.get(`/api/book/${book.id}`), 200).json.data;
	assert.equal(read.attributes.title, 'Emma');
	assert.equal(read.attributes.author_id, author.id);
});

test('change_password wants the old one, revokes earlier tokens', async () => {
	const dave = await member(instance, 'dave', root);
	const other = await signIn(instance, 'dave');
	const change = (attributes) => dave.action('user_account', 'change_password', {
		current_password: PASSWORD, password: 'a better one',
		passwordConfirm: 'a better one', ...attributes });
	refused(await change({ current_password: 'wrong horse' }), 401);
	refused(await change({ passwordConfirm: 'another one' }), 400);
	expect(await dave.get('/api/user_account/mine'), 200);
	const changed = expect(await change({}), 200);
	for (const stale of [dave, other])
		refused(await stale.get('/api/user_account/mine'), 401);
	const here = new Client(instance, item(changed, 'client.store.set').value);
	expect(await here.get('/api/user_account/mine'), 200);
	refused(await guest.action('user_account', 'signin',
		{ email: mailOf('dave'), password: PASSWORD }), 401);
	const fresh = await signIn(instance, 'dave', 'a better one');
	expect(await fresh.get('/api/user_account/mine'), 200);
	assert.ok(claimsOf(fresh.token).auth_version > claimsOf(dave.token).auth_version);
});

test('a guest can\'t change a password', async () => {
	refused(await guest.action('user_account', 'change_password', {
		current_password: PASSWORD, password: 'taken over',
		passwordConfirm: 'taken over' }), 401, 403);
});

test('a password changed by PATCH revokes earlier tokens', async () => {
	const erin = await member(instance, 'erin', root);
	const account = await mine(erin);
	expect(await erin.update('user_account', account.id,
		{ password: 'changed by patch' }), 200);
	refused(await erin.get('/api/user_account/mine'), 401);
	await signIn(instance, 'erin', 'changed by patch');
});

test('tokens of a deleted account are refused at once, by every worker', async () => {
	const fred = await member(instance, 'fred', root);
	const account = await mine(fred);
	expect(await root.delete(`/api/user_account/${account.id}`), 200);
	const answers = await Promise.all(Array.from({ length: 20 },
		() => fred.get('/api/user_account/mine')));
	for (const answer of answers)
		refused(answer, 401);
});
