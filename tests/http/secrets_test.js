/*
 * secrets_test.js: L01: marked secrets go through every door, well and badly;
 * afterwards no log, table, export, error or command line has one.
 */
'use strict';

const assert = require('node:assert/strict');
const { spawn, spawnSync } = require('node:child_process');
const { randomBytes } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, test } = require('node:test');
const { ACTD, startInstance, startNode } = require('./lib/instance.js');
const { Client, PASSWORD, expect, fileOf, item, mailOf, settle, signIn } =
	require('./lib/client.js');

const markers = new Map();

/* A secret of its own, that nothing else contains. */
function secret(name) {
	const text = `${name}-${randomBytes(9).toString('hex')}`;
	markers.set(name, text);
	return text;
}

const OPEN = 2097151;

const field = (ColumnName, ColumnType) => ({ ColumnName, ColumnType });

const SCHEMA = {
	Tables: [{ TableName: 'safe', IsAuditEnabled: true, Permission: OPEN, Columns: [
		{ ...field('name', 'label'), IsUnique: true },
		{ ...field('code', 'encrypted'), IsNullable: true },
		{ ...field('pin', 'password'), IsNullable: true },
		{ ...field('digest', 'md5-bcrypt'), IsNullable: true },
		{ ...field('count', 'measurement'), IsNullable: true },
	] }],
	Actions: [
		{ Name: 'fill', Label: 'Fill', OnType: 'safe', InstanceOptional: true, Permission: OPEN,
			InFields: [field('name', 'label'), field('code', 'encrypted'),
				field('pin', 'password'), field('api_token', 'label')],
			Validations: [{ ColumnName: 'pin', Tags: 'min=8' }],
			OutFields: [
				{ Type: 'safe', Method: 'POST', Reference: 'made', Attributes: {
					name: '~name', code: '~code', pin: '~pin' } },
				{ Type: 'safe', Method: 'PATCH', Attributes: {
					reference_id: '$made.reference_id', code: '!code + "x"', pin: '~pin' } },
				{ Type: 'client.store.set', Method: 'ACTIONRESPONSE', Attributes: {
					key: 'secret', value: '~code' } },
			] },
		{ Name: 'burst', Label: 'Burst', OnType: 'safe', InstanceOptional: true,
			Permission: OPEN, InFields: [field('pin', 'password')],
			OutFields: [{ Type: 'client.notify', Method: 'ACTIONRESPONSE', Attributes: {
				message: '!null.x + pin' } }] },
		{ Name: 'spill', Label: 'Spill', OnType: 'safe', InstanceOptional: true,
			Permission: OPEN, InFields: [field('pin', 'password'), field('name', 'label')],
			OutFields: [{ Type: 'safe', Method: 'POST', Attributes: {
				name: '~name', code: '~pin', pin: '~pin', count: '~pin' } }] },
	],
};

/* No secret: it shows that what is looked through has what was sent. */
const control = `control-${randomBytes(9).toString('hex')}`;

let instance;
let node;
let root;
let alice;
let lines; /* command lines that had a marker */
let watching;

before(async () => {
	instance = await startInstance();
	({ root, alice } = await settle(instance));
	node = await startNode(instance, { ACTD_DATABASE: `host='${instance.folder}/run' ` +
		`user=actd dbname=actd password=${secret('database')}` });
	instance.psql('ALTER SYSTEM SET log_min_duration_statement = 0');
	instance.psql('ALTER SYSTEM SET log_statement = \'all\'');
	instance.psql('SELECT pg_reload_conf()');
	await root.load('schema_safe.json', JSON.stringify(SCHEMA));
	const keys = fs.readFileSync(path.join(instance.folder, 'keys'), 'utf8');
	for (const [, name, value] of keys.matchAll(/^(\w+)=(.+)$/gm))
		markers.set(`key ${name}`, value);
	for (const [name, client] of Object.entries({ root, alice }))
		markers.set(`token of ${name}`, client.token);
	markers.set('password', PASSWORD);
	lines = new Set();
	watching = setInterval(watch, 5);
});

after(() => {
	clearInterval(watching);
	instance?.stop();
});

function watch() {
	for (const pid of fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
		let line = '';
		try {
			line = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8');
		} catch {
			continue; /* it has just ended */
		}
		for (const [name, marker] of markers)
			if (line.includes(marker))
				lines.add(`${name}: ${line.replaceAll('\0', ' ')}`);
	}
}

/* All that was answered with an error, by whatever door. */
const errors = [];

async function ask(client, method, target, options) {
	const answer = await client.request(method, target, options);
	if (answer.status >= 400)
		errors.push(answer);
	return answer;
}

const act = (client, target, attributes, { members = {}, ...options } = {}) =>
	ask(client, 'POST', `/action/${target}`, { type: 'application/json',
		body: { attributes, ...members }, ...options });

const write = (client, method, target, attributes) => ask(client, method, target, {
	body: { data: { type: target.split('/')[2], id: target.split('/')[3], attributes } } });

const ASYNC = { headers: { prefer: 'respond-async' } };

async function finished(client, answer) {
	const target = expect(answer, 202).headers.get('location');
	for (let i = 0; i < 200; i++) {
		const { attributes } = expect(await client.get(target), 200).json.data;
		if (!['queued', 'running'].includes(attributes.state))
			return { id: target.split('/').pop(), ...attributes };
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
	return assert.fail('the job does not end');
}

async function accounts() {
	const guest = new Client(node);
	const first = secret('first-password');
	const second = secret('second-password');
	const signup = (password, passwordConfirm, email = 'carol@example.com') =>
		act(root, 'user_account/signup', { name: 'carol', email, password, passwordConfirm });
	expect(await signup(first, first), 200);
	expect(await signup(first, first), 409); /* the address is taken */
	expect(await signup(secret('one'), secret('other'), 'x@example.com'), 400);
	expect(await signup('short7!', 'short7!', 'y@example.com'), 400);
	const long = secret('long').padEnd(80, 'z');
	expect(await signup(long, long, 'z@example.com'), 400, 422);
	const signin = (password, options) => act(guest, 'user_account/signin',
		{ email: 'carol@example.com', password }, options);
	const token = item(expect(await signin(first), 200), 'client.store.set').value;
	markers.set('first token', token);
	expect(await signin(secret('wrong-password')), 401);
	expect(await act(guest, 'user_account/signin', { email: 'nobody@example.com',
		password: secret('nobody') }), 401);
	const carol = new Client(node, token);
	expect(await act(carol, 'user_account/change_password', { old_password: first,
		current_password: first, password: second, passwordConfirm: second,
		new_password: second }), 200, 400);
	const again = await act(guest, 'user_account/signin', { email: 'carol@example.com',
		password: second });
	const { id } = (await signIn(instance, 'alice').then((client) =>
		client.get('/api/user_account/mine'))).json.data;
	await write(alice, 'PATCH', `/api/user_account/${id}`, { password: secret('patched') });
	alice = await signIn(instance, 'alice', markers.get('patched'));
	markers.set('newer token', alice.token);
	return again;
}

/* What no parser takes, at each door, with a secret in it. */
async function nonsense() {
	const guest = new Client(node);
	const json = 'application/json';
	const bad = () => `{"attributes":{"email":"x@example.com","password":"${secret(
		`broken${markers.size}`)}"`;
	for (const [target, type, body, headers] of [
		['/action/user_account/signin', json, bad()],
		['/action/user_account/signin', 'application/x-www-form-urlencoded',
			`email=x@example.com&password=${secret('form')}`],
		['/action/user_account/signin', 'text/xml', bad()],
		['/action/user_account/nothing', json, `${bad()}}}`],
		['/action/nothing/nothing', json, `${bad()}}}`],
		['/api/safe', json, bad()],
		['/api/safe', 'text/plain', bad()],
		['/api/user_account', 'application/vnd.api+json', bad()],
		['/api/operations', 'application/vnd.api+json', bad()],
		['/api/safe', 'application/vnd.api+json', bad(),
			{ authorization: `Bearer ${secret('bearer')}` }],
		['/api/safe', 'application/vnd.api+json', bad(),
			{ cookie: `token=${secret('cookie')}` }],
		[`/api/safe?token=${secret('query-token')}`, json, bad()],
		[`/action/user_account/signin?password=${secret('query-password')}`, json, bad()],
		['/api/safe', 'application/vnd.api+json', bad().padEnd(1100000, ' ')],
	])
		await ask(guest, 'POST', target, { type, body, headers });
	for (const target of [`/api/safe?token=${secret('get-token')}`,
		`/action/user_account/signin?email=a@b.c&password=${secret('get-password')}`,
		`/job/x/events?token=${secret('events-token')}`, `/nothing?token=${secret('away')}`])
		await ask(guest, 'GET', target);
	expect(await ask(new Client(instance, `${alice.token}x`), 'GET', '/api/safe'), 401);
}

async function rows() {
	const code = () => secret(`code${markers.size}`);
	const made = await write(alice, 'POST', '/api/safe', { name: 'one', code: code(),
		pin: code(), digest: code() });
	const { id } = expect(made, 201).json.data;
	expect(await write(alice, 'PATCH', `/api/safe/${id}`, { code: code(), pin: code() }), 200);
	expect(await write(alice, 'PATCH', `/api/safe/${id}`, { name: control }), 200);
	expect(await write(alice, 'PATCH', `/api/safe/${id}`, { name: 'one' }), 200);
	expect(await write(alice, 'POST', '/api/safe', { name: 'one', code: code(),
		pin: code() }), 409);
	expect(await write(alice, 'POST', '/api/safe', { code: code(), pin: code() }), 422);
	expect(await write(alice, 'POST', '/api/safe', { name: 'x', code: { a: code() },
		pin: [code()] }), 422);
	expect(await write(alice, 'POST', '/api/safe', { name: 'x',
		pin: code().padEnd(80, 'z') }), 422);
	expect(await ask(alice, 'POST', '/api/operations', { headers: { 'idempotency-key': 'x' },
		body: { 'atomic:operations': [{ op: 'add', data: { type: 'safe',
			attributes: { name: 'two', code: code(), pin: code() } } }] } }), 200);
	const query = (column) => encodeURIComponent(JSON.stringify(
		[{ column, operator: 'is', value: code() }]));
	for (const column of ['code', 'pin'])
		expect(await ask(alice, 'GET', `/api/safe?query=${query(column)}`), 400);
	for (const [entity, attributes] of [
		['credential', { name: 'c', content: JSON.stringify({ key: code() }) }],
		['oauth_connect', { name: 'o', client_id: 'id', client_secret: code() }],
		['oauth_token', { access_token: code(), refresh_token: code(), expires_in: 5,
			token_type: 'bearer' }],
		['certificate', { hostname: 'h', private_key_pem: code() }]])
		expect(await write(root, 'POST', `/api/${entity}`, attributes), 201);
	const table = (more) => `name,code,pin\nthree,${code()},${code()}\n${more}`;
	const upload = (text, more) => act(root, 'world/upload_csv_to_system_schema',
		{ entity_name: 'safe', data_csv_file: [fileOf('safes.csv', text)], ...more });
	expect(await upload(table('')), 200);
	expect(await upload(table(`three,${code()},${code()}\n`)), 422, 409);
	expect(await upload(table('four,"\n'), { on_error: 'skip' }), 200, 422);
	for (const text of [`{"safe":[{"name":"five","code":"${code()}","pin":"${code()}"}]}`,
		`{"safe":[{"name":"five","code":"${code()}","pin":"${code()}"}]}`,
		`{"safe":[{"name":"six","code":"${code()}"`])
		await act(root, 'world/import_data', { dump_file: [fileOf('dump.json', text)] });
}

async function actions() {
	const inputs = (name) => ({ name, code: secret(`${name}-code`), pin: secret(`${name}-pin`),
		api_token: secret(`${name}-token`), undeclared: secret(`${name}-more`) });
	expect(await act(alice, 'safe/fill', inputs('filled')), 200);
	const run = instance.psql('SELECT reference_id FROM action_run ORDER BY id DESC LIMIT 1');
	expect(await act(alice, 'safe/fill', inputs('filled')), 409);
	expect(await act(alice, 'safe/fill', { ...inputs('brief'), pin: 'short-7' }), 400);
	expect(await act(alice, 'safe/fill', inputs('dry'), { members: { dry_run: true } }), 200);
	expect(await act(alice, 'safe/fill', inputs('key'),
		{ headers: { 'idempotency-key': 'fills' } }), 200);
	for (const name of ['spill', 'burst'])
		assert.ok((await act(alice, `safe/${name}`, inputs(name))).status >= 400);
	expect(await act(root, 'action_run/undo_action_run', { action_run_id: run },
		{ members: { dry_run: true } }), 200);
	expect(await act(root, 'action_run/undo_action_run', { action_run_id: run }), 200);
	const good = await finished(alice, await act(alice, 'safe/fill', inputs('later'), ASYNC));
	assert.match(good.result, new RegExp(markers.get('later-code')), 'its owner may read it');
	const job = await finished(alice, await act(alice, 'safe/fill', inputs('later'), ASYNC));
	assert.equal(job.state, 'failed');
	assert.doesNotMatch(job.error, /later-(code|pin|token)/);
	const away = await finished(alice, await act(alice, 'user_account/signin',
		{ email: mailOf('alice'), password: markers.get('patched') }, ASYNC));
	markers.set('token of a job', JSON.parse(away.result)
		.find((one) => one.ResponseType === 'client.store.set').Attributes.value);
	for (const id of [good.id, job.id])
		expect(await alice.get(`/job/${id}/events`), 200);
}

const environment = () => ({ ...instance.environment,
	ACTD_DATABASE: node.environment.ACTD_DATABASE,
	ACTD_KEYS_FILE: `${instance.folder}/keys` });

function commands() {
	const said = [];
	const run = (input, ...words) => {
		const { status, stdout, stderr } = spawnSync(ACTD, words,
			{ encoding: 'utf8', input, env: environment() });
		said.push(stderr, status ? stdout : '');
		return status;
	};
	const fill = (name, ...more) => run(secret(`command-${name}`), 'action', 'safe', 'fill',
		`name=${name}`, 'pin@=-', '--as', 'alice@example.com', ...more);
	assert.equal(fill('by-command'), 0, said.join('\n'));
	assert.equal(fill('dry-command', '--dry-run'), 0);
	assert.notEqual(fill('by-command'), 0);
	assert.notEqual(run('', 'action', 'safe', 'burst', 'pin@=/nothing'), 0);
	assert.equal(run('', 'export', '--format', 'json',
		path.join(instance.folder, 'log/export.json')), 0, said.join('\n'));
	return said;
}

/* A word of the command line is seen for a moment only. */
async function hidden() {
	const lock = spawn('psql', [...instance.databaseArguments(), '-XAtq'],
		{ env: instance.environment, stdio: ['pipe', 'pipe', 'inherit'] });
	lock.stdin.write('BEGIN; LOCK TABLE safe; SELECT 1;\n');
	await new Promise((resolve) => lock.stdout.once('data', resolve));
	const pin = `worded-${randomBytes(9).toString('hex')}`;
	const child = spawn(ACTD, ['action', 'safe', 'fill', 'name=worded', `pin=${pin}`],
		{ env: environment(), stdio: 'ignore' });
	await new Promise((resolve) => setTimeout(resolve, 700));
	const seen = ['cmdline', 'environ'].map((name) =>
		fs.readFileSync(`/proc/${child.pid}/${name}`, 'latin1')).join('\n');
	lock.stdin.end('ROLLBACK;\n');
	await new Promise((resolve) => child.once('exit', resolve));
	assert.ok(seen.startsWith('actd: command'), seen.slice(0, 200));
	assert.ok(!seen.includes(pin) && !seen.includes(markers.get('database')), seen);
	markers.set('worded', pin);
}

/* The ways a text may be written. */
function forms(text) {
	const bytes = Buffer.from(text);
	const base64 = [0, 1, 2].map((shift) => Buffer.concat([Buffer.alloc(shift), bytes])
		.toString('base64').replace(/=+$/, '').slice(shift ? 4 : 0, -2));
	return [text, bytes.toString('hex'), ...base64, encodeURIComponent(text)];
}

function sweep(where, text, allowed = []) {
	const found = [];
	for (const [name, marker] of markers)
		if (!allowed.includes(name) && forms(marker).some((form) => text.includes(form)))
			found.push(name);
	assert.deepEqual(found, [], `secrets in ${where}`);
}

function files(folder) {
	return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
		const name = path.join(folder, entry.name);
		if (entry.isDirectory())
			return files(name);
		return entry.isFile() ? [name] : [];
	});
}

test('L01: secrets that went through every door are nowhere', async (t) => {
	await accounts();
	await nonsense();
	await rows();
	await actions();
	const said = commands();
	await hidden();
	clearInterval(watching);
	/* `pin` of a line that PostgreSQL never got, and so on: each went in */
	assert.ok(markers.size > 70, `${markers.size} secrets`);
	assert.ok(errors.length > 25, `${errors.length} errors`);
	for (const answer of errors)
		sweep(`the answer to ${answer.asked.replace(/[?].*/, '')}: ${answer.text}`, answer.text);
	sweep('the messages of commands', said.join('\n'));
	assert.deepEqual([...lines], [], 'command lines');
	let bytes = 0;
	let controls = 0;
	for (const one of [instance, node])
		for (const folder of ['log', 'files', 'run', 'schema'].map((name) =>
			path.join(one.folder, name)).filter((name) => fs.existsSync(name)))
			for (const name of files(folder)) {
				const text = fs.readFileSync(name, 'latin1');
				bytes += text.length;
				controls += text.includes(control) ? 1 : 0;
				sweep(name, text);
			}
	const dump = spawnSync('pg_dump', [...instance.databaseArguments(), '--data-only'],
		{ encoding: 'latin1', env: instance.environment, maxBuffer: 1 << 28 });
	assert.equal(dump.status, 0, dump.stderr);
	for (const table of ['job', 'action_run', 'actd_journal', 'safe_audit', 'actd_idempotency'])
		assert.ok(instance.psql(`SELECT count(*) FROM ${table}`) !== '0', `rows of ${table}`);
	assert.ok(controls > 0 && dump.stdout.includes(control), 'it is looked through');
	sweep('the database', dump.stdout);
	t.diagnostic(`${markers.size} secrets, ${errors.length} errors, ${bytes} bytes of files, ` +
		`${dump.stdout.length} of the database`);
});
