/*
 * files_test.js: files in columns: written through every door, kept once by
 * their content, read with ranges from nginx under the permissions of their
 * row, and collected when no row refers to them.
 */
'use strict';

const assert = require('node:assert/strict');
const { createHash, randomBytes } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');
const { startInstance } = require('./lib/instance.js');
const { Client, NOWHERE, expect, fileOf, item, messages, refused, settle } =
	require('./lib/client.js');

const ALL = 2097151;
const READ_ALL = 2 | 2 << 7 | 2 << 14;
const DAY = 24 * 3600;

const SCHEMA = {
	Tables: [{
		TableName: 'paper',
		Permission: ALL,
		DefaultPermission: ALL,
		IsAuditEnabled: true,
		Columns: [
			{ ColumnName: 'title', ColumnType: 'label', DataType: 'varchar(100)',
				IsNullable: true },
			{ ColumnName: 'scan', ColumnType: 'file.*', DataType: 'blob',
				IsNullable: true },
			{ ColumnName: 'photo', ColumnType: 'image.png|jpg', DataType: 'blob',
				IsNullable: true },
			{ ColumnName: 'story', ColumnType: 'markdown', DataType: 'text',
				IsNullable: true },
			{ ColumnName: 'secret_story', ColumnType: 'markdown', DataType: 'text',
				IsNullable: true, ExcludeFromApi: true },
			{ ColumnName: 'secret_scan', ColumnType: 'file.*', DataType: 'blob',
				IsNullable: true, ExcludeFromApi: true },
		],
	}],
	Actions: [
		{ Name: 'collect', Label: 'Collect', OnType: 'world',
			InstanceOptional: true,
			InFields: [{ Name: 'hours', ColumnName: 'hours',
				ColumnType: 'measurement' }],
			OutFields: [{ Type: '__collect_files', Method: 'EXECUTE',
				Attributes: { hours: '~hours' } }] },
		{ Name: 'hand_in', Label: 'Hand in', OnType: 'paper', Permission: ALL,
			InstanceOptional: true,
			InFields: [{ Name: 'scan', ColumnName: 'scan', ColumnType: 'file.*' },
				{ Name: 'title', ColumnName: 'title', ColumnType: 'label' }],
			OutFields: [{ Type: 'paper', Method: 'POST', Reference: 'made',
				Attributes: { scan: '~scan', title: '~title' } },
			{ Type: 'paper', Method: 'PATCH', Attributes: {
				reference_id: '$made.reference_id',
				photo: '~scan' } }] },
	],
};

const sha256 = (data) => createHash('sha256').update(data).digest('hex');
const md5 = (data) => createHash('md5').update(data).digest('hex');

let instance;
let people;

/* Where the content is, or would be. */
function stored(data, folder = path.join(instance.folder, 'files')) {
	const hash = sha256(data);
	return path.join(folder, hash.slice(0, 2), hash.slice(2));
}

/* Hashes of all contents. */
function contents() {
	const folder = path.join(instance.folder, 'files');
	return fs.readdirSync(folder)
		.filter((name) => /^[0-9a-f]{2}$/.test(name))
		.flatMap((name) => fs.readdirSync(path.join(folder, name))
			.map((rest) => name + rest));
}

/* As if it had been put `seconds` ago. */
function age(data, seconds) {
	const then = Date.now() / 1000 - seconds;
	fs.utimesSync(stored(data), then, then);
}

/* An answer with its bytes. */
async function fetchBytes(client, target, { headers = {}, method = 'GET' } = {}) {
	const answer = await fetch(instance.url + target, { method, headers: {
		...client.token ? { authorization: `Bearer ${client.token}` } : {},
		...headers,
	} });
	return { status: answer.status, headers: answer.headers,
		bytes: Buffer.from(await answer.arrayBuffer()) };
}

async function collect(hours) {
	const answer = await people.root.action('world', 'collect',
		hours === undefined ? {} : { hours });
	return messages(expect(answer, 200));
}

before(async () => {
	instance = await startInstance();
	people = await settle(instance);
	await people.root.load('schema_files.json', JSON.stringify(SCHEMA));
});

after(() => instance?.stop());

describe('writing and reading', () => {
	test('a file comes back with name, type, size and digests', async () => {
		const data = randomBytes(5000);
		const { id, attributes } = await people.alice.made('paper',
			{ title: 'one', scan: [fileOf('a.bin', data, 'application/x-thing')] });
		const [file, ...others] = attributes.scan;

		assert.deepEqual(others, []);
		assert.deepEqual(file, { name: 'a.bin', type: 'application/x-thing',
			size: 5000, md5: md5(data), sha256: sha256(data),
			path: `/asset/paper/${id}/scan`,
			src: `/asset/paper/${id}/scan?file=a.bin` });
		const read = expect(await people.alice.get(`/api/paper/${id}`), 200);
		assert.deepEqual(read.json.data.attributes.scan, [file]);
		assert.deepEqual(fs.readFileSync(stored(data)), data);

		const answer = await fetchBytes(people.alice, file.src);
		assert.equal(answer.status, 200);
		assert.deepEqual(answer.bytes, data);
		assert.equal(answer.headers.get('content-length'), '5000');
		assert.equal(answer.headers.get('etag'), `"${sha256(data)}"`);
		assert.equal(answer.headers.get('last-modified'), null);
		assert.equal(answer.headers.get('cache-control'), 'private, no-cache');
		assert.equal(answer.headers.get('access-control-allow-origin'), '*');
		assert.ok(answer.headers.get('x-request-id'));
	});

	test('`contents` is taken for `file`, bare base64 too', async () => {
		const { id } = await people.alice.made('paper', { scan: [{ name: 'b.txt',
			contents: Buffer.from('hello').toString('base64') }] });
		const answer = await fetchBytes(people.alice, `/asset/paper/${id}/scan.txt`);

		assert.equal(answer.bytes.toString(), 'hello');
		assert.equal(answer.headers.get('content-type'), 'text/plain; charset=utf-8');
	});

	test('equal contents are stored once', async () => {
		const data = randomBytes(100);
		const before = contents().length;

		for (const name of ['x.bin', 'y.bin'])
			await people.alice.made('paper', { scan: [fileOf(name, data)],
				photo: [fileOf('z.png', data)] });
		assert.equal(contents().length, before + 1);
		assert.ok(contents().includes(sha256(data)));
	});

	test('a change adds and replaces by name; null and [] clear', async () => {
		const { id } = await people.alice.made('paper',
			{ scan: [fileOf('a', 'a1'), fileOf('b', 'b1')] });
		const names = async (scan) => {
			const answer = expect(await people.alice.update('paper', id, { scan }), 200);
			return (answer.json.data.attributes.scan ?? []).map(({ name, size }) =>
				`${name}${size}`);
		};

		assert.deepEqual(await names([fileOf('b', 'b22'), fileOf('c', 'c')]),
			['a2', 'b3', 'c1']);
		const { scan } = expect(await people.alice.get(`/api/paper/${id}`), 200)
			.json.data.attributes;
		assert.deepEqual(await names(scan), ['a2', 'b3', 'c1'], 'what it gave');
		assert.deepEqual(await names([{ name: 'a' }]), ['a2', 'b3', 'c1']);
		assert.deepEqual(await names([{ name: 'b', file: null }]), ['a2', 'c1']);
		assert.deepEqual(await names([]), []);
		assert.deepEqual(await names([fileOf('d', 'd')]), ['d1']);
		assert.deepEqual(await names(null), []);
	});

	test('several files are told apart by index and name', async () => {
		const { id } = await people.alice.made('paper',
			{ scan: [fileOf('a.txt', 'aa'), fileOf('b.txt', 'bb')] });
		const text = async (query) => {
			const answer = await people.alice.get(`/asset/paper/${id}/scan${query}`);
			return answer.status === 200 ? answer.text : answer.status;
		};

		assert.equal(await text(''), 'aa');
		assert.equal(await text('?index=0'), 'aa');
		assert.equal(await text('?index=1'), 'bb');
		assert.equal(await text('?file=b.txt'), 'bb');
		assert.equal(await text('?index=2'), 404);
		assert.equal(await text('?index=-1'), 404);
		assert.equal(await text('?index=1x'), 404);
		assert.equal(await text('?file=c.txt'), 404);
	});

	test('atomic operations and actions store files as well', async () => {
		const one = randomBytes(10);
		const two = randomBytes(10);
		const done = expect(await people.alice.post('/api/operations', {
			'atomic:operations': [{ op: 'add', data: { type: 'paper',
				attributes: { scan: [fileOf('op', one)] } } }] },
		{ type: 'application/vnd.api+json; ext="https://jsonapi.org/ext/atomic"' }), 200);
		const [{ data }] = done.json['atomic:results'];

		assert.equal(data.attributes.scan[0].sha256, sha256(one));
		assert.ok(fs.existsSync(stored(one)));
		expect(await people.alice.action('paper', 'hand_in',
			{ title: 'by action', scan: [fileOf('act', two)] }), 200);
		const query = encodeURIComponent(JSON.stringify([
			{ column: 'title', operator: 'is', value: 'by action' }]));
		const [row] = expect(await people.alice.get(`/api/paper?query=${query}`), 200)
			.json.data;
		assert.equal(row.attributes.scan[0].sha256, sha256(two));
		assert.equal(row.attributes.photo[0].sha256, sha256(two));
		assert.ok(fs.existsSync(stored(two)));
	});

	test('contents come along where they are included', async () => {
		const { id } = await people.alice.made('paper',
			{ scan: [fileOf('a.txt', 'hello')], photo: [fileOf('p.png', 'png')] });
		const read = async (query) => expect(await people.alice.get(
			`/api/paper/${id}?included_relations=${query}`), 200).json.data.attributes;

		const one = await read('scan');
		assert.equal(Buffer.from(one.scan[0].contents, 'base64').toString(), 'hello');
		assert.ok(!('contents' in one.photo[0]));
		const all = await read('*');
		assert.equal(Buffer.from(all.photo[0].contents, 'base64').toString(), 'png');
		refused(await people.alice.get(`/api/paper/${id}?included_relations=secret_scan`),
			400);
	});

	test('a text stays the text that it is', async () => {
		const text = Buffer.from('plain').toString('base64');
		const { id, attributes } = await people.alice.made('paper', { scan: text });

		assert.equal(attributes.scan, text);
		const answer = await fetchBytes(people.alice, `/asset/paper/${id}/scan.txt`);
		assert.equal(answer.bytes.toString(), 'plain');
		assert.equal(answer.headers.get('content-type'), 'text/plain; charset=utf-8');
	});

	test('rows of older versions, with contents in the list, still read', async () => {
		const { id } = await people.alice.made('paper', { title: 'old' });
		const list = JSON.stringify([fileOf('old.txt', 'from before', 'text/plain')]);

		instance.psql(`UPDATE paper SET scan = '${list}' WHERE reference_id = '${id}'`);
		assert.equal((await people.alice.get(`/asset/paper/${id}/scan`)).text,
			'from before');
		const answer = expect(await people.alice.update('paper', id,
			{ scan: [{ name: 'old.txt' }] }), 200);
		assert.equal(answer.json.data.attributes.scan[0].sha256, sha256('from before'));
		assert.equal((await people.alice.get(`/asset/paper/${id}/scan`)).text,
			'from before');
	});

	test('empty and rather large files', async () => {
		const large = randomBytes(3 << 20);
		const { id } = await people.alice.made('paper',
			{ scan: [fileOf('none', ''), fileOf('large', large)] });

		const none = await fetchBytes(people.alice, `/asset/paper/${id}/scan?file=none`);
		assert.equal(none.status, 200);
		assert.equal(none.bytes.length, 0);
		const answer = await fetchBytes(people.alice, `/asset/paper/${id}/scan?file=large`);
		assert.equal(sha256(answer.bytes), sha256(large));
	});
});

describe('a body that is the file', () => {
	const send = (client, id, query, body, type = 'video/mp4') => client.post(
		`/asset/paper/${id}/scan/upload${query}`, body, { type });

	test('is added as a PATCH would', async () => {
		const data = randomBytes(20 << 20);
		const { id } = await people.alice.made('paper', { scan: [fileOf('a', 'a')] });
		const answer = expect(await send(people.alice, id, '?filename=film%20%231.mp4',
			data), 200);
		const [, file] = answer.json.data.attributes.scan;

		assert.deepEqual([file.name, file.type, file.size, file.sha256],
			['film #1.mp4', 'video/mp4', data.length, sha256(data)]);
		assert.deepEqual((await fetchBytes(people.alice, file.src)).bytes, data);
		expect(await send(people.alice, id, '?filename=a&operation=stream', 'b', 'x'), 200);
		assert.equal((await people.alice.get(`/asset/paper/${id}/scan?file=a`)).text, 'b');
		expect(await people.alice.delete(`/api/paper/${id}`), 200);
	});

	test('is refused without a name, a right, a column, a row', async () => {
		const data = randomBytes(90);
		const { id } = await people.alice.made('paper', { title: 'mine' });
		expect(await people.root.update('paper', id, { permission: READ_ALL | 127 << 7 }),
			200);

		refused(await send(people.alice, id, '', data), 400);
		refused(await send(people.alice, id, '?filename=a&operation=init', data), 400);
		for (const name of ['', '..', '..%2Fx', 'a%5Cb', 'a%0Ab', '%25252e'])
			refused(await send(people.alice, id, `?filename=${name}`, data), 400, 422);
		for (const client of [people.bob, people.guest])
			refused(await send(client, id, '?filename=a', data), 403);
		refused(await send(people.alice, NOWHERE, '?filename=a', data), 404);
		for (const column of ['title', 'secret_scan', 'none'])
			refused(await people.alice.post(`/asset/paper/${id}/${column}/upload` +
				'?filename=a', data, { type: 'x/y' }), 404);
		assert.ok(!fs.existsSync(stored(data)));
		assert.equal(expect(await people.alice.get(`/api/paper/${id}`), 200)
			.json.data.attributes.scan, null);
	});
});

describe('parts and conditions', () => {
	const data = randomBytes(100000);
	let target;

	before(async () => {
		const { id } = await people.alice.made('paper', { scan: [fileOf('r.mp4', data)] });
		target = `/asset/paper/${id}/scan`;
	});

	test('ranges are 206, and beyond the end 416', async () => {
		const part = async (range, headers) => fetchBytes(people.alice, target,
			{ headers: { range, ...headers } });

		const first = await part('bytes=0-9');
		assert.equal(first.status, 206);
		assert.deepEqual(first.bytes, data.subarray(0, 10));
		assert.equal(first.headers.get('content-range'), 'bytes 0-9/100000');
		assert.equal(first.headers.get('content-type'), 'video/mp4');
		assert.deepEqual((await part('bytes=-5')).bytes, data.subarray(-5));
		const beyond = await part('bytes=100000-');
		assert.equal(beyond.status, 416);
		assert.equal(beyond.headers.get('content-range'), 'bytes */100000');
		assert.equal(JSON.parse(beyond.bytes).errors[0].status, '416');
		const same = await part('bytes=5-6', { 'if-range': `"${sha256(data)}"` });
		assert.equal(same.status, 206);
		const other = await part('bytes=5-6', { 'if-range': `"${sha256('x')}"` });
		assert.equal(other.status, 200);
		assert.equal(other.bytes.length, 100000);
	});

	test('HEAD has everything but the bytes', async () => {
		const answer = await fetchBytes(people.alice, target, { method: 'HEAD' });

		assert.equal(answer.status, 200);
		assert.equal(answer.bytes.length, 0);
		assert.equal(answer.headers.get('content-length'), '100000');
		assert.equal(answer.headers.get('content-type'), 'video/mp4');
		assert.equal(answer.headers.get('etag'), `"${sha256(data)}"`);
	});

	test('who has it already gets 304', async () => {
		const ask = (tag) => fetchBytes(people.alice, target,
			{ headers: { 'if-none-match': tag } });

		const same = await ask(`"x", "${sha256(data)}"`);
		assert.equal(same.status, 304);
		assert.equal(same.headers.get('etag'), `"${sha256(data)}"`);
		assert.equal((await ask('"x"')).status, 200);
		const dated = await fetchBytes(people.alice, target,
			{ headers: { 'if-modified-since': new Date().toUTCString() } });
		assert.equal(dated.status, 200);
	});

	test('nobody comes to the contents but by a row', async () => {
		const hash = sha256(data);
		for (const url of [`/.files/${hash.slice(0, 2)}/${hash.slice(2)}`,
			`/.files/../keys`, '/.files/%2e%2e/keys', `/files/${hash}`])
			refused(await people.root.get(url), 404);
	});
});

describe('who may', () => {
	const MINE = 127 << 7; /* the owner, everything */

	async function row(permission, attributes) {
		const { id } = await people.alice.made('paper', attributes);
		expect(await people.root.update('paper', id, { permission }), 200);
		return id;
	}

	test('the row decides, for everybody, by every condition', async () => {
		const data = randomBytes(50);
		const hidden = await row(MINE, { scan: [fileOf('m', data)] });
		const shown = await row(READ_ALL, { scan: [fileOf('m', data)] });
		const conditions = [{}, { method: 'HEAD' }, { headers: { range: 'bytes=0-1' } },
			{ headers: { 'if-none-match': `"${sha256(data)}"` } },
			{ headers: { 'if-none-match': '*' } }];
		const statuses = async (client, id) => Promise.all(conditions.map(
			async (condition) => (await fetchBytes(client, `/asset/paper/${id}/scan`,
				condition)).status));

		for (const client of [people.alice, people.root])
			assert.deepEqual(await statuses(client, hidden), [200, 200, 206, 304, 304]);
		for (const client of [people.guest, people.bob]) {
			assert.deepEqual(await statuses(client, shown), [200, 200, 206, 304, 304]);
			assert.deepEqual(await statuses(client, hidden), [404, 404, 404, 404, 404]);
			const absent = refused(await client.get(`/asset/paper/${NOWHERE}/scan`), 404);
			const other = refused(await client.get(`/asset/paper/${hidden}/scan`), 404);
			assert.deepEqual({ ...other.json.errors[0], id: 0 },
				{ ...absent.json.errors[0], id: 0 });
		}
	});

	test('unknown, hidden and other columns are one 404', async () => {
		const id = await row(READ_ALL, { title: 'x', scan: [fileOf('m', 'm')] });
		const texts = new Set();

		instance.psql(`UPDATE paper SET secret_scan = scan, secret_story = 'x'
			WHERE reference_id = '${id}'`);
		for (const column of ['nothing', 'secret_scan', 'secret_story', 'title', 'permission', 'scan_id',
			'user_account_id', '..', '%2e%2e', 'scan%00']) {
			const answer = await people.root.get(`/asset/paper/${id}/${column}`);
			assert.ok([400, 404].includes(answer.status), answer.asked);
			if (!/[.%]/.test(column))
				texts.add(refused(answer, 404).json.errors[0].detail);
		}
		assert.equal(texts.size, 1);
		refused(await people.root.get(`/asset/none/${id}/scan`), 404);
		refused(await people.root.get(`/asset/paper/1/scan`), 404);
		refused(await people.root.get(`/asset/paper/${id}/photo`), 404);
		refused(await new Client(instance, 'x.y.z').get(`/asset/paper/${id}/scan`), 401);
	});

	test('a hash is no way to a file of others', async () => {
		const data = randomBytes(60);
		await row(MINE, { scan: [fileOf('m', data)] });
		const stolen = [{ name: 'm', sha256: sha256(data), size: 60, md5: md5(data) }];

		const answer = refused(await people.bob.create('paper', { scan: stolen }), 422);
		assert.equal(answer.json.errors[0].source.pointer, '/data/attributes/scan');
		const { id } = await people.bob.made('paper', { scan: [fileOf('mine', 'x')] });
		refused(await people.bob.update('paper', id, { scan: stolen }), 422);
		refused(await people.bob.action('paper', 'hand_in', { scan: stolen }), 400);
	});

	test('who may not write the row leaves nothing behind', async () => {
		const id = await row(READ_ALL, { scan: [fileOf('m', 'm')] });
		const data = randomBytes(70);

		refused(await people.bob.update('paper', id, { scan: [fileOf('m', data)] }), 403);
		refused(await people.bob.update('paper', NOWHERE, { scan: [fileOf('m', data)] }),
			404);
		assert.ok(!fs.existsSync(stored(data)));
		assert.equal((await people.root.get(`/asset/paper/${id}/scan`)).text, 'm');
	});
});

describe('what is refused', () => {
	test('names that are none', async () => {
		for (const name of ['../x', '..%2f', '%252e%252e', '/etc/x', 'a/../../b', 'C:\\x',
			'a\0b', 'a\nb', 'a\r\nX: y', 'x'.repeat(5000), '.', '..', '', '.htaccess',
			'a%2Fb', '\u0085', 7, null, {}]) {
			const answer = refused(await people.alice.create('paper',
				{ scan: [{ ...fileOf('x', 'y'), name }] }), 400, 422);
			if (answer.status === 422)
				assert.equal(answer.json.errors[0].source.pointer,
					'/data/attributes/scan');
		}
	});

	test('names with quotes, blanks and letters of any script are names', async () => {
		for (const name of ['a "quoted" one; x=y.txt', 'naïve – 日本.pdf', '100% off.txt',
			"it's.txt", 'a,b=c&d?e#f.txt', '🦊.png']) {
			const { attributes } = await people.alice.made('paper',
				{ scan: [fileOf(name, name)] });
			assert.equal(attributes.scan[0].name, name);
			const answer = await fetchBytes(people.alice, attributes.scan[0].src);
			assert.equal(answer.bytes.toString(), name);
			const header = answer.headers.get('content-disposition');
			assert.match(header,
				/^(inline|attachment); filename="[\w .()-]*"; filename\*=UTF-8''[\w.~%-]*$/);
			assert.equal(decodeURIComponent(header.split("UTF-8''")[1]), name);
		}
	});

	test('values that are none name the field', async () => {
		const before = contents();
		for (const scan of [[{ name: 'a', file: '%%%' }], [{ name: 'a' }], [1], [[]],
			[{ file: 'eA==' }], {}, 7, '%%%', '[1]',
			[{ name: 'a', file: 'data:nothing' }], [fileOf('ok', 'q'), { name: 'a' }],
			[{ name: 'a', spool: 0 }],
			Array.from({ length: 101 }, (_, i) => fileOf(`f${i}`, ''))]) {
			const answer = refused(await people.alice.create('paper', { scan }), 422);
			assert.equal(answer.json.errors[0].source.pointer, '/data/attributes/scan');
		}
		assert.ok(contents().length <= before.length + 2, 'no rows, few contents');
	});

	test('a body that is too large is 413', async () => {
		const much = { data: { type: 'paper',
			attributes: { scan: [fileOf('a', Buffer.alloc(18 << 20))] } } };
		refused(await people.alice.post('/api/paper', much), 413);
	});

	test('what may run in a browser is saved, in a box of its own', async () => {
		for (const name of ['x.html', 'x.SVG', 'x.xml', 'x.xhtml', 'x.js', 'x', 'x.png.html',
			'x.pdf']) {
			const { attributes } = await people.alice.made('paper',
				{ scan: [fileOf(name, '<script>alert(1)</script>', 'image/png')] });
			const answer = await fetchBytes(people.alice, attributes.scan[0].src);
			assert.match(answer.headers.get('content-disposition'), /^attachment;/, name);
			assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
			assert.match(answer.headers.get('content-security-policy'), /sandbox/);
			assert.notEqual(answer.headers.get('content-type'), 'image/png');
		}
		const { attributes } = await people.alice.made('paper',
			{ scan: [fileOf('x.png', 'p', 'text/html')] });
		const answer = await fetchBytes(people.alice, attributes.scan[0].src);
		assert.match(answer.headers.get('content-disposition'), /^inline;/);
		assert.equal(answer.headers.get('content-type'), 'image/png');
		assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
		const saved = await fetchBytes(people.alice, `${attributes.scan[0].src}&download`);
		assert.match(saved.headers.get('content-disposition'), /^attachment;/);
	});
});

describe('Markdown', () => {
	const tell = async (story, permission = READ_ALL) => {
		const { id } = await people.alice.made('paper', { title: 'told', story });
		expect(await people.alice.update('paper', id, { permission }), 200);
		return `/asset/paper/${id}/story`;
	};
	const html = async (target, client = people.guest) =>
		expect(await client.get(target), 200).text;

	test('comes as HTML', async () => {
		const target = await tell('# Ünder\n\n*a* <https://b.example/>\n\n' +
			'- [c](/d "e")\n\n---\n\n    f & g\n');
		const wanted = '<h1>Ünder</h1>\n<p><em>a</em> <a href="https://b.example/">' +
			'https://b.example/</a></p>\n<ul>\n<li><a href="/d" title="e">c</a></li>\n' +
			'</ul>\n<hr />\n<pre><code>f &amp; g\n</code></pre>\n';
		for (const name of ['', '.html', '.a.b'])
			assert.equal(await html(target + name), wanted);
		const answer = await people.guest.get(target);
		assert.equal(answer.headers.get('content-type'), 'text/html; charset=utf-8');
		assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
		assert.match(answer.headers.get('content-security-policy'),
			/default-src 'none';.*sandbox$/);
		const head = await fetchBytes(people.guest, target, { method: 'HEAD' });
		assert.equal(head.status, 200);
		assert.equal(head.bytes.length, 0);
	});

	test('nothing in it runs', async () => {
		const answer = await html(await tell(['<script>alert(1)</script>',
			'a <b onclick="alert(1)">b</b> <img src=x onerror=alert(1)>',
			'<!-- secret -->', '[a](javascript:alert(1))', '[b](JaVaScript:alert(1))',
			'[c](&#106;avascript:alert(1))', '<javascript:alert(1)>',
			'![d](data:text/html;base64,PHNjcmlwdD4=)', '[e](vbscript:x)',
			'[f]: javascript:alert(1)\n\n[f]', '[g](file:///etc/passwd)',
			'[h](/x "\\" onclick=\\"alert(1)")'].join('\n\n')));
		assert.doesNotMatch(answer, /<(?!\/?(p|a|img)\b|!-- raw HTML omitted -->)/);
		assert.doesNotMatch(answer, /secret|(href|src)="[a-z]+:/i);
		assert.doesNotMatch(answer.replace(/"[^"]*"/g, ''), /<[^>]*\son/);
		assert.match(answer, /title="&quot; onclick=&quot;alert\(1\)"/);
	});

	test('who has it already gets 304, until it is changed', async () => {
		const target = await tell('one', ALL);
		const tag = (await people.alice.get(target)).headers.get('etag');
		const again = () => fetchBytes(people.alice, target,
			{ headers: { 'if-none-match': tag } });

		assert.equal((await again()).status, 304);
		expect(await people.alice.update('paper', target.split('/')[3],
			{ story: 'two' }), 200);
		const changed = await again();
		assert.equal(changed.status, 200);
		assert.equal(changed.bytes.toString(), '<p>two</p>\n');
	});

	test('the row decides; null and what is too long are refused', async () => {
		const closed = await tell('mine', READ_ALL & ~(2 | 2 << 14));
		assert.equal(await html(closed, people.alice), '<p>mine</p>\n');
		for (const name of ['guest', 'bob'])
			refused(await people[name].get(closed), 404);
		refused(await people.guest.get(await tell(null)), 404);
		refused(await people.guest.get(await tell('x'.repeat(131073))), 422);
		refused(await people.alice.post(`${closed}/upload?filename=a`, 'b'), 404);
		const begin = Date.now();
		await html(await tell('![[]()'.repeat(21000)));
		assert.ok(Date.now() - begin < 8000, 'it is bounded');
	});
});

describe('contents that nobody refers to', () => {
	test('go after a day, all others stay', async () => {
		const [kept, dropped, fresh, again] = Array.from({ length: 4 },
			() => randomBytes(40));
		const made = [];
		for (const data of [kept, dropped, fresh, again])
			made.push((await people.alice.made('paper',
				{ scan: [fileOf('f', data)] })).id);
		const keeper = await people.alice.made('paper', { photo: [fileOf('g', kept)] });
		for (const id of made)
			expect(await people.root.delete(`/api/paper/${id}`), 200);
		for (const data of [kept, dropped, again])
			age(data, 2 * DAY);
		await people.alice.made('paper', { scan: [fileOf('h', again)] });
		instance.psql('DELETE FROM actd_journal');

		assert.match(await collect(), /^[1-9]\d* files, \d+ bytes removed$/);
		assert.ok(fs.existsSync(stored(kept)));
		assert.ok(fs.existsSync(stored(fresh)), 'younger than a day');
		assert.ok(fs.existsSync(stored(again)), 'put again');
		assert.ok(!fs.existsSync(stored(dropped)));
		assert.deepEqual((await fetchBytes(people.alice,
			`/asset/paper/${keeper.id}/photo`)).bytes, kept);
		age(fresh, 5);
		await collect(0);
		assert.ok(!fs.existsSync(stored(fresh)));
	});

	test('what rows refer to stays, whatever its age', async () => {
		for (const hash of contents())
			fs.utimesSync(path.join(instance.folder, 'files', hash.slice(0, 2),
				hash.slice(2)), 1, 1);
		await collect(0);
		const { data } = expect(await people.root.get('/api/paper?page[size]=1000'), 200)
			.json;
		const files = data.flatMap(({ attributes }) => [attributes.scan, attributes.photo])
			.filter(Array.isArray).flat();
		assert.ok(files.length > 20);
		for (const { src } of files)
			assert.equal((await fetchBytes(people.root, src, { method: 'HEAD' })).status,
				200, src);
		const referred = new Set(files.map((file) => file.sha256));
		const others = contents().filter((hash) => !referred.has(hash));
		const journal = instance.psql('SELECT image FROM actd_journal');
		const hidden = instance.psql('SELECT secret_scan FROM paper');
		for (const hash of others)
			assert.ok((journal + hidden).includes(hash), 'in the journal, or hidden');
	});

	test('what undoing a run brings back stays', async () => {
		const data = randomBytes(45);
		const { id } = await people.root.made('paper', { scan: [fileOf('u', data)] });
		await people.root.load('schema_files_more.json', JSON.stringify({ Actions: [
			{ Name: 'drop_scan', Label: 'Drop', OnType: 'paper', InFields: [],
				OutFields: [{ Type: 'paper', Method: 'PATCH', Attributes: {
					reference_id: '$.reference_id', scan: '!null', title: 'x' } },
				{ Type: 'paper', Method: 'DELETE',
					Attributes: { reference_id: '$.reference_id' } }] }] }));
		expect(await people.root.action('paper', 'drop_scan', { paper_id: id }), 200);
		refused(await people.root.get(`/api/paper/${id}`), 404);
		age(data, 2 * DAY);
		await collect();
		assert.ok(fs.existsSync(stored(data)));
		const [run] = instance.psql('SELECT run FROM actd_journal ORDER BY id DESC LIMIT 1')
			.split('\n');
		expect(await people.root.action('action_run', 'undo_action_run',
			{ action_run_id: run }), 200);
		assert.deepEqual((await fetchBytes(people.root, `/asset/paper/${id}/scan`)).bytes,
			data);
	});

	test('what is half written is not there, and goes', async () => {
		const folder = path.join(instance.folder, 'files/unfinished');
		const left = path.join(folder, 'left');

		assert.deepEqual(fs.readdirSync(folder), []);
		fs.writeFileSync(left, 'x');
		await collect();
		assert.ok(fs.existsSync(left));
		fs.utimesSync(left, 1, 1);
		await collect();
		assert.ok(!fs.existsSync(left));
	});

	/* Rows that come and go with few contents, under a collector without mercy. */
	test('beside writers no row loses its content', async () => {
		const few = Array.from({ length: 6 }, () => randomBytes(30));
		let stop = false;
		let made = 0;
		const writer = async (client, n) => {
			for (let i = 0; !stop; i++) {
				const data = few[(n + i) % few.length];
				const { id } = await client.made('paper', { scan: [fileOf('w', data)] });
				const answer = await fetchBytes(client, `/asset/paper/${id}/scan`);
				assert.equal(answer.status, 200);
				assert.deepEqual(answer.bytes, data);
				expect(await client.delete(`/api/paper/${id}`), 200);
				made++;
			}
		};
		const writers = [people.alice, people.bob, people.root, people.alice]
			.map((client, n) => writer(client, n));
		let removed = 0;
		for (let i = 0; i < 40; i++) {
			for (const data of few)
				if (fs.existsSync(stored(data)))
					try {
						age(data, 100);
					} catch {
						/* just removed */
					}
			removed += Number((await collect(0)).split(' ')[0]);
		}
		stop = true;
		await Promise.all(writers);
		assert.ok(made > 40 && removed > 0, `${made} rows, ${removed} contents removed`);
	});

	/* The row of a writer is not to be seen yet, and its file looks old. */
	test('a writer that has not committed keeps its content', async () => {
		const data = randomBytes(33);

		instance.psql('CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS ' +
			'$$ BEGIN PERFORM pg_sleep(3); RETURN NEW; END $$; ' +
			'CREATE TRIGGER slow BEFORE INSERT ON paper FOR EACH ROW ' +
			'WHEN (NEW.title = \'slow\') EXECUTE FUNCTION slow()');
		const writing = people.alice.made('paper',
			{ title: 'slow', scan: [fileOf('w', data)] });
		while (!fs.existsSync(stored(data)))
			await new Promise((resolve) => setTimeout(resolve, 20));
		age(data, 2 * DAY);
		await collect();
		assert.ok(fs.existsSync(stored(data)));
		const { id } = await writing;
		assert.deepEqual((await fetchBytes(people.alice, `/asset/paper/${id}/scan`)).bytes,
			data);
		instance.psql('DROP TRIGGER slow ON paper');
		expect(await people.root.delete(`/api/paper/${id}`), 200);
		await collect();
		assert.ok(!fs.existsSync(stored(data)));
	});

	test('it is done by itself, once a day', async () => {
		const data = randomBytes(34);
		const { id } = await people.alice.made('paper', { scan: [fileOf('w', data)] });

		expect(await people.root.delete(`/api/paper/${id}`), 200);
		age(data, 2 * DAY);
		instance.psql('UPDATE actd_housework SET done_at = now() - interval \'25 hours\'');
		for (const pid of instance.processes('runner'))
			process.kill(pid, 'SIGKILL'); /* the next ones look first */
		for (let i = 0; fs.existsSync(stored(data)) && i < 150; i++)
			await new Promise((resolve) => setTimeout(resolve, 100));
		assert.ok(!fs.existsSync(stored(data)));
		assert.equal(instance.psql('SELECT count(*) FROM job WHERE performer = ' +
			'\'__collect_files\''), '1');
	});
});

describe('when a worker dies', () => {
	test('a file is there whole, or there is none', async () => {
		const all = [];
		let sent = 0;
		let lost = 0;
		let stop = false;
		const writer = async (n) => {
			while (!stop) {
				const data = randomBytes(200000 + n);
				const id = `019c0000-0000-7000-8000-${String(sent++).padStart(12, '0')}`;
				all.push([id, data]);
				const answer = await people.alice.post('/api/paper', { data: {
					type: 'paper', id, attributes: { scan: [fileOf('k', data)] } } });
				lost += answer.status !== 201;
			}
		};
		const writers = [0, 1, 2].map(writer);
		for (let i = 0; i < 15 || (!lost && i < 300); i++) {
			await new Promise((resolve) => setTimeout(resolve, 40));
			for (const pid of instance.processes('quick worker'))
				try {
					process.kill(pid, 'SIGKILL');
				} catch {
					/* it has just ended */
				}
		}
		stop = true;
		await Promise.all(writers);
		let rows = 0;
		for (const [id, data] of all) {
			const answer = await fetchBytes(people.alice, `/asset/paper/${id}/scan`);
			assert.ok([200, 404].includes(answer.status), String(answer.status));
			rows += answer.status === 200;
			if (answer.status === 200)
				assert.deepEqual(answer.bytes, data);
			else if (fs.existsSync(stored(data)))
				assert.deepEqual(fs.readFileSync(stored(data)), data);
		}
		assert.ok(lost > 0, `${rows} of ${all.length}`);
		for (const hash of contents())
			assert.equal(sha256(fs.readFileSync(path.join(instance.folder, 'files',
				hash.slice(0, 2), hash.slice(2)))), hash);
	});
});

describe('in bulk', () => {
	const text = async (answer) => Buffer.from(item(expect(await answer, 200),
		'client.file.download').content, 'base64').toString();
	const restore = (name, dump, members) => people.root.action('world', 'import_data',
		{ dump_file: [fileOf(name, dump)], ...members });

	for (const format of ['json', 'yaml', 'jsonl'])
		test(`a dump as ${format} has the contents and brings them back`, async () => {
			const data = randomBytes(3000);
			const { id } = await people.alice.made('paper',
				{ title: format, scan: [fileOf('d "é".bin', data)] });
			const dump = await text(people.root.action('world', 'export_data',
				{ table_name: 'paper', format }));

			expect(await people.root.delete(`/api/paper/${id}`), 200);
			fs.rmSync(stored(data));
			expect(await restore(`paper.${format}`, dump,
				{ truncate_before_insert: true }), 200);
			assert.deepEqual(fs.readFileSync(stored(data)), data);
			const answer = await fetchBytes(people.root, `/asset/paper/${id}/scan`);
			assert.deepEqual(answer.bytes, data);
			const { attributes } = expect(await people.root.get(`/api/paper/${id}`), 200)
				.json.data;
			assert.equal(attributes.scan[0].sha256, sha256(data));
			assert.ok(!instance.psql('SELECT string_agg(scan, \'\') FROM paper')
				.includes('base64'));
		});

	test('a dump without contents is taken where they are here', async () => {
		const data = randomBytes(300);
		const file = { name: 'x', type: 'a/b', size: 300, md5: md5(data),
			sha256: sha256(data) };
		const dump = JSON.stringify({ paper: [{ title: 'without', scan: [file] }] });

		assert.match(messages(refused(await restore('p.json', dump), 422)),
			/paper, row 1: scan: x has no content/);
		await people.alice.made('paper', { scan: [fileOf('y', data)] });
		expect(await restore('p.json', dump), 200);
	});

	test('a CSV file may hold them', async () => {
		const cell = JSON.stringify([fileOf('c.txt', 'from csv')]).replaceAll('"', '""');
		expect(await people.root.action('world', 'upload_csv_to_system_schema', {
			entity_name: 'paper', create_if_not_exists: false,
			data_csv_file: [fileOf('p.csv', `title,scan\ncsv,"${cell}"\n`)] }), 200);
		const query = encodeURIComponent(JSON.stringify([
			{ column: 'title', operator: 'is', value: 'csv' }]));
		const [row] = expect(await people.root.get(`/api/paper?query=${query}`), 200)
			.json.data;
		assert.equal(row.attributes.scan[0].sha256, sha256('from csv'));
		assert.equal((await people.root.get(row.attributes.scan[0].src)).text, 'from csv');
		const bad = await people.root.action('world', 'upload_csv_to_system_schema', {
			entity_name: 'paper', create_if_not_exists: false,
			data_csv_file: [fileOf('p.csv', 'title,scan\ncsv,"[{""name"":""a""}]"\n')] });
		refused(bad, 422);
	});

	test('random rows have files that can be had', async () => {
		expect(await people.root.action('world', 'generate_random_data',
			{ table_name: 'paper', count: 50 }), 200);
		const { data } = expect(await people.root.get(
			'/api/paper?page[size]=50&sort=-created_at'), 200).json;
		let files = 0;
		for (const { attributes } of data)
			for (const { src, size } of [...attributes.scan ?? [],
				...attributes.photo ?? []]) {
				const answer = await fetchBytes(people.root, src);
				assert.equal(answer.status, 200);
				assert.equal(answer.bytes.length, size);
				files++;
			}
		assert.ok(files > 20, String(files));
	});
});
