/*
 * script_test.js: JavaScript values of actions: `!`, `js:`, `{{ }}`, in
 * conditions and loops, and that a runaway costs its own request only. What
 * scripts can and can't do is tested closer by, in tests/unit/script_test.c.
 */
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { after, before, describe, test } = require('node:test');
const { startInstance } = require('./lib/instance.js');
const { expect, item, messages, mine, refused, settle } = require('./lib/client.js');

let instance;
let guest;
let root;

/* An action `name` on the table note whose outcomes are given. */
const action = (name, outcomes, more = {}) => ({
	Name: name, Label: name, OnType: 'note', InstanceOptional: true,
	InFields: ['a', 'b'].map((column) => ({ Name: column, ColumnName: column,
		ColumnType: 'label', IsNullable: true })),
	OutFields: outcomes, ...more,
});

const says = (value, more = {}) => ({ Type: 'said', Method: 'ACTIONRESPONSE',
	Attributes: { value }, ...more });

const runaways = {
	loop: 'while (1);',
	caught: 'for (;;) try { while (1); } catch (e) {}',
	promises: '(async () => { for (;;) await 1 })()',
	pattern: "/^(a+)+$/.test('a'.repeat(40) + 'b')",
};

const greedy = {
	text: "'x'.repeat(2 ** 30) + 'y'",
	array: "const l = []; for (;;) l.push('x'.repeat(1e6) + l.length)",
	number: '2n ** (2n ** 40n)',
};

const unusable = {
	recursion: '(function f() { f() })()',
	cyclic: 'const o = {}; o.o = o; o',
	long: "'x'.repeat(10 * 2 ** 20)",
	surrogate: "'\\ud800'",
	broken: 'n +',
	file: "require('fs').readFileSync('/etc/passwd')",
};

/* Names that other engines have; each must be undefined here. */
const reaches = ['require', 'process', 'std', 'os', 'fetch', 'XMLHttpRequest', 'WebSocket',
	'Deno', 'Bun', 'module', 'exports', 'global', 'window', 'document', 'imports', 'print',
	'load', 'read', 'readFile', 'readline', 'quit', 'gc', 'WebAssembly', 'setTimeout',
	'SharedArrayBuffer', 'Worker', 'importScripts', 'Java', 'Packages'];

const escapes = {
	import: "import('fs').then((fs) => fs.readFileSync('/etc/passwd'))",
	this_: "[].constructor.constructor('return this')().process.env",
	eval_: "eval('require(\"fs\").readFileSync(\"/etc/passwd\")')",
	keys_: "JSON.stringify(Object.getOwnPropertyNames([].constructor.constructor('return this')()))",
	error_: "new Error('x').stack",
	load_: "load('/etc/passwd')",
};

const schema = {
	Tables: [{ TableName: 'note', Permission: 2097151, DefaultPermission: 2097151,
		Columns: [{ ColumnName: 'title', ColumnType: 'label' }] }],
	Actions: [
		action('values', [{ Type: 'said', Method: 'ACTIONRESPONSE', Attributes: {
			sum: '!Number(a) + 1',
			greeting: '!`Hello ${user ? user.name : "guest"}, ${a}!`',
			prefix: "js: b.split(',').map((x) => x.trim())",
			braces: "{{ ({ length: b.length, nested: [a] }) }}",
			plain: '!a',
			nothing: '!undefined',
			code: '!atob(btoa(a)) + ToString(uuid().length)',
			text: 'no script: {{ in text, $a',
		} }]),
		action('plain', [says({ a: '!a', b: '~b', c: '$a and $b', d: '!user.name',
			e: '{{ attributes.a }}' }, { Condition: '!true' })]),
		action('conditions', [
			says('yes', { Condition: "!a === 'x' && b.length > 1" }),
			says('no', { Condition: "!a !== 'x'" }),
			says('thrown', { Condition: '!missing.member' }),
		]),
		action('looping', [says('!const half = item * 2; half + index',
			{ ForEach: '!a.split(",")' })]),
		action('writes', [
			{ Type: 'note', Method: 'POST', Reference: 'made', SkipInResponse: true,
				Attributes: { title: '!a.toUpperCase()' } },
			says('!made.title + made.reference_id.length'),
		]),
		action('throws', [
			{ Type: 'note', Method: 'POST', Attributes: { title: '~a' } },
			says("!throw new Error('no such ' + a)"),
		]),
		action('tolerant', [
			says('!while (1);', { ContinueOnError: true }),
			says('!a + typeof leak'),
		]),
		action('leaks', [says('!leak = a; Object.prototype.leak = a; leak')]),
		action('looks', [says('![typeof leak, typeof ({}).leak]')]),
		action('names', [says('!Object.keys(globalThis)')]),
		action('decides', [says('yes', { Condition: '!while (1);' })]),
		action('subject', [says('!JSON.stringify([subject, user])')],
			{ OnType: 'user_account' }),
		action('reaches', [{ Type: 'said', Method: 'ACTIONRESPONSE', Attributes:
			{ value: `!({ ${reaches.map((name) => `${name}: typeof ${name}`)} })` } }]),
		...Object.entries({ ...runaways, ...greedy, ...unusable, ...escapes })
			.map(([name, script]) => action(`try_${name}`, [says(`!${script}`)])),
	],
};

before(async () => {
	instance = await startInstance();
	({ guest, root } = await settle(instance));
	await root.load('schema_note.json', JSON.stringify(schema));
});

after(() => instance?.stop());

const run = (name, attributes) => root.action('note', name, attributes);

const said = async (name, attributes) =>
	item(expect(await run(name, attributes), 200), 'said').value;

const evaluators = () => fs.readdirSync('/proc').filter((name) => {
	try {
		const workers = instance.processes('quick worker');
		const [, parent] = /^PPid:\s+(\d+)/m.exec(
			fs.readFileSync(`/proc/${name}/status`, 'utf8'));
		return /^actd-evaluator/.test(fs.readFileSync(`/proc/${name}/cmdline`, 'utf8')) &&
			workers.includes(Number(parent));
	} catch {
		return false;
	}
});

describe('values', () => {
	test('plain paths start no evaluator', async () => {
		assert.deepEqual(await said('plain', { a: '1', b: '2' }),
			{ a: '1', b: '2', c: '1 and 2', d: 'root', e: '1' });
		assert.deepEqual(evaluators(), []);
		await said('looks');
		assert.equal(evaluators().length, 1);
	});

	test('all three forms', async () => {
		const answer = expect(await run('values', { a: '41', b: 'x, y' }), 200);
		assert.deepEqual(item(answer, 'said'), {
			sum: 42,
			greeting: 'Hello root, 41!',
			prefix: ['x', 'y'],
			braces: { length: 4, nested: ['41'] },
			plain: '41',
			nothing: null,
			code: '4136',
			text: 'no script: {{ in text, 41',
		});
	});

	test('inputs are data, not code', async () => {
		for (const a of ['while (1);', '{{7*7}}', '!7*7', '"); throw 1; ("', '${7*7}',
			'é\u2028€😀']) {
			const answer = expect(await run('values', { a, b: '{{7*7}}' }), 200);
			assert.equal(item(answer, 'said').plain, a);
			assert.equal(item(answer, 'said').greeting, `Hello root, ${a}!`);
			assert.equal(item(answer, 'said').code, `${a}36`);
		}
	});

	test('conditions', async () => {
		assert.deepEqual(expect(await run('conditions', { a: 'x', b: 'yy' }), 200)
			.json.map((one) => one.Attributes.value), ['yes']);
		assert.deepEqual(expect(await run('conditions', { a: 'z', b: 'y' }), 200)
			.json.map((one) => one.Attributes.value), ['no']);
	});

	test('loops', async () => {
		assert.deepEqual(expect(await run('looping', { a: '5,6,7' }), 200)
			.json.map((one) => one.Attributes.value), [10, 13, 16]);
	});

	test('results of earlier outcomes', async () => {
		assert.equal(await said('writes', { a: 'abc' }), 'ABC36');
		assert.equal(instance.psql("SELECT count(*) FROM note WHERE title = 'ABC'"), '1');
	});

	test('I05: names handed in are all there is', async () => {
		assert.deepEqual((await said('names', { a: '1' })).sort(),
			['a', 'attributes', 'b', 'subject', 'user'].sort());
		const text = item(expect(await root.action('user_account', 'subject',
			{ user_account_id: (await mine(root)).id }), 200), 'said').value;
		assert.match(text, /root@example.com/);
		assert.doesNotMatch(text, /\$2[aby]\$|password":"[^"]/);
	});
});

test('I03: nothing of the machine is within reach', async () => {
	const reached = await said('reaches');
	for (const [name, value] of Object.entries(reached))
		assert.equal(value, 'undefined', name);
	for (const name of Object.keys(escapes)) {
		const answer = await run(`try_${name}`);
		if (answer.status !== 200)
			refused(answer, 422);
		assert.doesNotMatch(answer.text, /root:|PATH=|PGHOST|token_secret|\/home|\/tmp/);
	}
	assert.equal(instance.psql("SELECT count(*) FROM pg_class WHERE relname = 'i03'"), '0');
});

describe('failures', () => {
	test('a throwing script undoes the action and is quoted', async () => {
		const answer = refused(await run('throws', { a: 'book' }), 422);
		assert.match(messages(answer), /no such book/);
		assert.equal(instance.psql("SELECT count(*) FROM note WHERE title = 'book'"), '0');
	});

	for (const name of Object.keys(runaways))
		test(`I01: runaway: ${name}`, async () => {
			const began = Date.now();
			const answer = refused(await run(`try_${name}`), 422);
			assert.match(messages(answer), /longer than 100 ms/);
			assert.ok(Date.now() - began < 2000);
			assert.deepEqual(await said('looks'), ['undefined', 'undefined']);
		});

	for (const name of Object.keys(greedy))
		test(`I02: greedy: ${name}`, async () => {
			refused(await run(`try_${name}`), 422);
		});

	for (const name of Object.keys(unusable))
		test(`I04: refused: ${name}`, async () => {
			refused(await run(`try_${name}`), 422);
		});

	test('a runaway condition is an error', async () => {
		refused(await run('decides'), 422);
	});

	test('ContinueOnError goes on with a new evaluator', async () => {
		const answer = expect(await run('tolerant', { a: 'still ' }), 200);
		assert.match(messages(answer), /longer than 100 ms/);
		assert.equal(item(answer, 'said').value, 'still undefined');
	});
});

describe('isolation', () => {
	test('a run sees nothing of another', async () => {
		for (let round = 0; round < 40; round++) {
			await said('leaks', { a: `secret ${round}` });
			assert.deepEqual(await said('looks'), ['undefined', 'undefined']);
		}
	});

	test('runaways cost their own requests', async () => {
		const workers = instance.processes('quick worker');
		const many = Array.from({ length: 40 }, (_, i) => i % 4
			? run('values', { a: String(i), b: '' })
			: run('try_loop'));
		(await Promise.all(many)).forEach((answer, i) => {
			if (i % 4)
				assert.equal(item(expect(answer, 200), 'said').sum, i + 1);
			else
				refused(answer, 422);
		});
		for (const name of ['array', 'text', 'pattern'])
			refused(await run(`try_${name}`), 422);
		assert.deepEqual(instance.processes('quick worker'), workers);
	});

	test('a worker serves on when its evaluator is killed', async () => {
		for (const process_ of evaluators())
			process.kill(Number(process_), 'SIGKILL');
		for (let round = 0; round < 20; round++)
			assert.equal(await said('writes', { a: 'abc' }), 'ABC36');
	});

	test('guests run scripts only where they may run the action', async () => {
		const answer = await guest.action('note', 'try_loop');
		refused(answer, 401, 403);
	});

	test('evaluators end with their instance', async () => {
		const before = evaluators();
		assert.ok(before.length > 0);
		instance.command('stop');
		const alive = before.filter((name) => {
			try {
				return /^actd-evaluator/.test(
					fs.readFileSync(`/proc/${name}/cmdline`, 'utf8'));
			} catch {
				return false;
			}
		});
		assert.deepEqual(alive, []);
	});
});
